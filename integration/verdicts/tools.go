package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/dir"
	notationregistry "github.com/notaryproject/notation-go/registry"
	"github.com/notaryproject/notation-go/verifier"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
	"github.com/notaryproject/notation-go/verifier/truststore"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v3/cmd/cosign/cli/options"
	cosignverify "github.com/sigstore/cosign/v3/cmd/cosign/cli/verify"
	"github.com/sigstore/cosign/v3/pkg/cosign"
	cosignsignature "github.com/sigstore/cosign/v3/pkg/signature"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"oras.land/oras-go/v2/registry/remote"
)

// requirement is one entry of "require" in a policy; exactly one member is set.
type requirement struct {
	Cosign   *sigstoreRule `json:"cosign,omitempty"`
	Sigstore *sigstoreRule `json:"sigstore,omitempty"`
	Notation *notationRule `json:"notation,omitempty"`
}

type sigstoreRule struct {
	Key           string `json:"key,omitempty"`
	TrustedRoot   string `json:"trustedRoot,omitempty"`
	Issuer        string `json:"issuer,omitempty"`
	Identity      string `json:"identity,omitempty"`
	PredicateType string `json:"predicateType,omitempty"`
}

type notationRule struct {
	Certificates []string `json:"certificates"`
	Subject      string   `json:"subject,omitempty"`
}

type policy struct {
	Version int    `json:"version"`
	Rules   []rule `json:"rules"`
}

type rule struct {
	Images  []string      `json:"images"`
	Require []requirement `json:"require"`
}

// answer is what a tool says of a case.
type answer struct {
	Tool    string `json:"tool"`
	Command string `json:"command"`
	Accepts bool   `json:"accepts"`
	Reason  string `json:"reason"`
}

// ask serves the case's layout on loopback and has the tool that its policy asks for verify the image. The registry is one in memory,
// or program serve if program is not empty.
func ask(ctx context.Context, folder, program string) answer {
	var p policy
	readJSON(filepath.Join(folder, "policy.json"), &p)
	layout := filepath.Join(folder, "layout")
	var host string
	if program != "" {
		stop, served := runServe(ctx, program, layout)
		defer stop()
		host = served
	} else {
		server, served := serve(layout)
		defer server.Close()
		host = served
	}
	t := tool{folder: folder, host: host}

	silent := silence()
	var a answer
	var err error
	switch r := p.Rules[0].Require[0]; {
	case r.Cosign != nil:
		a, err = t.cosignVerify(ctx, *r.Cosign)
	case r.Sigstore != nil && r.Sigstore.PredicateType != "":
		a, err = t.cosignVerifyAttestation(ctx, *r.Sigstore)
	case r.Sigstore != nil:
		a, err = t.sigstoreGo(ctx, *r.Sigstore)
	default:
		a, err = t.notation(ctx, *r.Notation)
	}
	silent()
	a.Accepts = err == nil
	if err != nil {
		a.Reason = strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), host, "registry.example.com")), " ")
	}
	return a
}

// tool runs tools on one case.
type tool struct {
	folder string
	host   string // of the registry
}

func (t tool) file(name string) string {
	if name == "" {
		return ""
	}
	return filepath.Join(t.folder, name)
}

func (t tool) image() string {
	return t.host + "/team/app:1"
}

func (t tool) common(r sigstoreRule) (options.CommonVerifyOptions, options.CertVerifyOptions) {
	common := options.CommonVerifyOptions{
		Offline: true, MaxWorkers: 1, NewBundleFormat: true, TrustedRootPath: t.file(r.TrustedRoot), IgnoreTlog: r.TrustedRoot == "",
	}
	cert := options.CertVerifyOptions{CertOidcIssuer: r.Issuer}
	if strings.Contains(r.Identity, "*") {
		cert.CertIdentityRegexp = identityPattern(r.Identity)
	} else {
		cert.CertIdentity = r.Identity
	}
	return common, cert
}

// identityPattern is the regular expression for an identity in which * stands for any characters.
func identityPattern(s string) string {
	return "^" + strings.ReplaceAll(regexp.QuoteMeta(s), `\*`, ".*") + "$"
}

// flags is how a rule is written on cosign's command line.
func (r sigstoreRule) flags() string {
	var b strings.Builder
	add := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, " --%s %s", name, value)
		}
	}
	add("key", r.Key)
	add("trusted-root", r.TrustedRoot)
	if r.TrustedRoot == "" {
		b.WriteString(" --insecure-ignore-tlog=true")
	}
	if strings.Contains(r.Identity, "*") {
		add("certificate-identity-regexp", "'"+identityPattern(r.Identity)+"'")
	} else {
		add("certificate-identity", r.Identity)
	}
	add("certificate-oidc-issuer", r.Issuer)
	return b.String()
}

func (t tool) cosignVerify(ctx context.Context, r sigstoreRule) (answer, error) {
	common, cert := t.common(r)
	c := cosignverify.VerifyCommand{
		RegistryOptions:     options.RegistryOptions{AllowHTTPRegistry: true},
		CommonVerifyOptions: common, CertVerifyOptions: cert,
		CheckClaims: true, KeyRef: t.file(r.Key), Output: "json",
		// cosign's command copies these from CommonVerifyOptions.
		Offline: true, MaxWorkers: common.MaxWorkers, NewBundleFormat: true, IgnoreTlog: common.IgnoreTlog,
	}
	return answer{Tool: version("cosign"), Command: "cosign verify --offline" + r.flags() + " " + imageName}, c.Exec(ctx, []string{t.image()})
}

func (t tool) cosignVerifyAttestation(ctx context.Context, r sigstoreRule) (answer, error) {
	common, cert := t.common(r)
	c := cosignverify.VerifyAttestationCommand{
		RegistryOptions:     options.RegistryOptions{AllowHTTPRegistry: true},
		CommonVerifyOptions: common, CertVerifyOptions: cert,
		CheckClaims: true, KeyRef: t.file(r.Key), Output: "json", PredicateType: r.PredicateType,
		Offline: true, MaxWorkers: common.MaxWorkers, IgnoreTlog: common.IgnoreTlog,
	}
	command := "cosign verify-attestation --offline --type " + r.PredicateType + r.flags() + " " + imageName
	return answer{Tool: version("cosign"), Command: command}, c.Exec(ctx, []string{t.image()})
}

// sigstoreGo verifies each bundle among the image's referrers as cosign does, also those of versions that cosign does not take from a
// registry. One that passes is enough.
func (t tool) sigstoreGo(ctx context.Context, r sigstoreRule) (answer, error) {
	a := answer{Tool: version("sigstore-go"), Command: "cosign.VerifyNewBundle with" + r.flags() + " on each bundle that refers to " + imageName}
	common, cert := t.common(r)
	co := &cosign.CheckOpts{IgnoreTlog: common.IgnoreTlog, NewBundleFormat: true, Offline: true}
	var err error
	if r.TrustedRoot != "" {
		if co.TrustedMaterial, err = root.NewTrustedRootFromPath(common.TrustedRootPath); err != nil {
			return a, err
		}
	}
	if r.Key != "" {
		if co.SigVerifier, err = cosignsignature.PublicKeyFromKeyRefWithHashAlgo(ctx, t.file(r.Key), crypto.SHA256); err != nil {
			return a, err
		}
	} else if co.Identities, err = cert.Identities(); err != nil {
		return a, err
	}

	image, bundles := t.bundles()
	d, err := hex.DecodeString(strings.TrimPrefix(image, "sha256:"))
	must(err)
	errs := []error{errors.New("no bundle is valid")}
	for _, raw := range bundles {
		b := new(bundle.Bundle)
		err := b.UnmarshalJSON(raw)
		if err == nil {
			_, err = cosign.VerifyNewBundle(ctx, co, verify.WithArtifactDigest("sha256", d), b)
		}
		if err == nil {
			return a, nil
		}
		errs = append(errs, err)
	}
	return a, errors.Join(errs...)
}

// bundles fetches the digest of the image and the bundles that refer to it.
func (t tool) bundles() (image string, bundles [][]byte) {
	base := "http://" + t.host + "/v2/team/app/"
	_, header := get(base + "manifests/1")
	image = header.Get("Docker-Content-Digest")
	raw, _ := get(base + "referrers/" + image)
	var index ocispec.Index
	must(json.Unmarshal(raw, &index))
	for _, d := range index.Manifests {
		raw, _ := get(base + "manifests/" + d.Digest.String())
		var m ocispec.Manifest
		must(json.Unmarshal(raw, &m))
		if strings.HasPrefix(m.Layers[0].MediaType, "application/vnd.dev.sigstore.bundle") {
			b, _ := get(base + "blobs/" + m.Layers[0].Digest.String())
			bundles = append(bundles, b)
		}
	}
	return image, bundles
}

func (t tool) notation(ctx context.Context, r notationRule) (answer, error) {
	a := answer{Tool: version("notation-go"), Command: "notation verify " + imageName + " (trust policy: level strict, revocation skipped)"}
	config, err := os.MkdirTemp("", "notation")
	must(err)
	defer os.RemoveAll(config)
	dir.UserConfigDir = config
	store := filepath.Join(config, "truststore/x509/ca/case")
	must(os.MkdirAll(store, 0o700))
	for _, name := range r.Certificates {
		b, err := os.ReadFile(t.file(name))
		must(err)
		writeFile(filepath.Join(store, name), b)
	}
	identities := []string{"*"}
	if r.Subject != "" {
		identities = []string{"x509.subject: " + r.Subject}
	}
	v, err := verifier.New(&trustpolicy.Document{Version: "1.0", TrustPolicies: []trustpolicy.TrustPolicy{{
		Name: "case", RegistryScopes: []string{"*"}, TrustStores: []string{"ca:case"}, TrustedIdentities: identities,
		SignatureVerification: trustpolicy.SignatureVerification{
			VerificationLevel: trustpolicy.LevelStrict.Name,
			Override:          map[trustpolicy.ValidationType]trustpolicy.ValidationAction{trustpolicy.TypeRevocation: trustpolicy.ActionSkip},
		},
	}}}, truststore.NewX509TrustStore(dir.ConfigFS()), nil)
	if err != nil {
		return a, err
	}
	repository, err := remote.NewRepository(t.host + "/team/app")
	must(err)
	repository.PlainHTTP = true
	// notation's command resolves a tag first, and verifies the digest.
	image, err := repository.Resolve(ctx, "1")
	must(err)
	_, _, err = notation.Verify(ctx, v, notationregistry.NewRepository(repository), notation.VerifyOptions{
		ArtifactReference: strings.TrimSuffix(imageName, ":1") + "@" + image.Digest.String(), MaxSignatureAttempts: 50,
	})
	return a, err
}

// runServe starts program serve with a layout.
func runServe(ctx context.Context, program, layout string) (stop func(), host string) {
	cmd := exec.CommandContext(ctx, program, "serve", "-q", "--listen", "127.0.0.1:0", layout)
	stdout, err := cmd.StdoutPipe()
	must(err)
	must(cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	must(err)
	return func() {
		must(cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
	}, strings.TrimPrefix(strings.TrimSpace(line), "http://")
}

// serve pushes a layout to a new registry in memory, which has the referrers API.
func serve(layout string) (server *httptest.Server, host string) {
	server = httptest.NewServer(registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0))))
	host = strings.TrimPrefix(server.URL, "http://")
	base := server.URL + "/v2/team/app/"
	var index ocispec.Index
	readJSON(filepath.Join(layout, ocispec.ImageIndexFile), &index)
	var push func(d ocispec.Descriptor, tag string)
	push = func(d ocispec.Descriptor, tag string) {
		b, err := os.ReadFile(filepath.Join(layout, ocispec.ImageBlobsDir, "sha256", d.Digest.Encoded()))
		must(err)
		var m struct {
			Config    *ocispec.Descriptor
			Layers    []ocispec.Descriptor
			Manifests []ocispec.Descriptor
		}
		must(json.Unmarshal(b, &m))
		for _, child := range m.Manifests {
			push(child, "")
		}
		if m.Config != nil {
			m.Layers = append(m.Layers, *m.Config)
		}
		for _, blob := range m.Layers {
			b, err := os.ReadFile(filepath.Join(layout, ocispec.ImageBlobsDir, "sha256", blob.Digest.Encoded()))
			must(err)
			put(http.MethodPost, base+"blobs/uploads/?digest="+blob.Digest.String(), "application/octet-stream", b)
		}
		if tag == "" {
			tag = d.Digest.String()
		}
		put(http.MethodPut, base+"manifests/"+tag, d.MediaType, b)
	}
	for _, d := range index.Manifests {
		push(d, d.Annotations[ocispec.AnnotationRefName])
	}
	return server, host
}

func put(method, url, mediaType string, b []byte) {
	req, err := http.NewRequest(method, url, bytes.NewReader(b))
	must(err)
	req.Header.Set("Content-Type", mediaType)
	resp, err := http.DefaultClient.Do(req)
	must(err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		must(fmt.Errorf("%s %s: %s", method, url, resp.Status))
	}
}

func get(url string) ([]byte, http.Header) {
	resp, err := http.Get(url)
	must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(err)
	if resp.StatusCode != http.StatusOK {
		must(fmt.Errorf("GET %s: %s", url, resp.Status))
	}
	return b, resp.Header
}

// silence sends what tools print to nowhere, until the function that it returns is called.
func silence() (restore func()) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	must(err)
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = null, null
	return func() {
		os.Stdout, os.Stderr = stdout, stderr
		null.Close()
	}
}

// version is the tool's name and version, as it is built into this program.
func version(name string) string {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if strings.HasSuffix(strings.TrimSuffix(m.Path, "/v3"), "/"+name) {
			return name + " " + strings.TrimPrefix(m.Version, "v")
		}
	}
	return name
}
