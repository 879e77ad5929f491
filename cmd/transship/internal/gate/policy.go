package gate

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest"
	"github.com/hczjl/transship/manifest/signature"
)

// policyVersion is the version of the file. It goes up with a change that an older reader must not
// ignore.
const policyVersion = 1

// maxPolicy is the size in bytes of the largest policy, key or certificate file. A trusted root takes
// some 20 KiB.
const maxPolicy = 1 << 20

// policy is the file of --require-signature. docs/security.md describes it.
type policy struct {
	Version int    `json:"version"`
	Rules   []rule `json:"rules"`
}

// rule says what images of some names need. The first rule that is for an image counts.
type rule struct {
	Images  []pattern `json:"images"`
	Require require   `json:"require"`
}

// require is "refuse", "accept", or a list of which all must be met.
type require struct {
	refuse, accept bool
	all            []requirement
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *require) UnmarshalJSON(b []byte) error {
	var word string
	if json.Unmarshal(b, &word) == nil {
		r.refuse, r.accept = word == "refuse", word == "accept"
		if !r.refuse && !r.accept {
			return fmt.Errorf(`"require" is %q; it may be "refuse", "accept" or a list`, word)
		}
		return nil
	}
	if err := decodeStrictly(b, &r.all); err != nil {
		return err
	}
	if len(r.all) == 0 {
		return errors.New(`"require" is an empty list; "accept" needs no signature`)
	}
	return nil
}

// requirement is one of these.
type requirement struct {
	Cosign   *sigstoreRequirement `json:"cosign"`
	Sigstore *sigstoreRequirement `json:"sigstore"`
	Notation *notationRequirement `json:"notation"`
}

// sigstoreRequirement wants a signature by a key, or by a certificate of an identity.
type sigstoreRequirement struct {
	Key           string `json:"key"`         // a file, as trustedRoot
	TrustedRoot   string `json:"trustedRoot"` // with a key: a log must have the signature
	Issuer        string `json:"issuer"`
	Identity      string `json:"identity"`
	PredicateType string `json:"predicateType"` // of sigstore's statements; "" for any

	trust signature.Trust
}

// notationRequirement wants a signature by a certificate.
type notationRequirement struct {
	Certificates []string `json:"certificates"` // files
	Subject      string   `json:"subject"`      // attributes that the leaf must have

	trust signature.NotationTrust
}

// readPolicy reads a policy and the files that it names, each once.
func readPolicy(ctx context.Context, path string) (*policy, error) {
	text, err := cli.ReadFile(ctx, path, maxPolicy)
	if cli.Has[*cli.UsageError](err) {
		return nil, badPolicy(err.Error())
	}
	if err != nil {
		return nil, err
	}
	p := &policy{}
	err = decodeStrictly([]byte(text), p)
	if at, wrong := syntaxProblem(text, err); wrong != "" {
		return nil, badPolicy(fmt.Sprintf("%s, %s: %s", path, at, wrong))
	}
	if err == nil {
		err = p.check()
	}
	if err != nil {
		return nil, badPolicy(path + ": " + typeProblem(err))
	}
	return p, p.readFiles(ctx, path)
}

// badPolicy is the error of a policy that cannot be used.
func badPolicy(why string) error {
	return &cli.UsageError{
		Message: "the policy " + why,
		Advice:  "transship help signatures shows what a policy may have",
	}
}

// decodeStrictly reads JSON as [manifest.Decode] does, and refuses members that v does not have.
func decodeStrictly(b []byte, v any) error {
	if err := manifest.Decode(b, v); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// check checks what needs no other file.
func (p *policy) check() error {
	switch {
	case p.Version != policyVersion:
		return fmt.Errorf("it has version %d, and this program reads version %d", p.Version, policyVersion)
	case len(p.Rules) == 0:
		return errors.New("it has no rules")
	}
	for i, r := range p.Rules {
		if err := r.check(); err != nil {
			return fmt.Errorf("rule %d: %w", i+1, err)
		}
	}
	return nil
}

func (r rule) check() error {
	switch {
	case len(r.Images) == 0:
		return errors.New(`it has no "images"`)
	case !r.Require.refuse && !r.Require.accept && len(r.Require.all) == 0:
		return errors.New(`it has no "require"`)
	}
	for _, p := range r.Images {
		if err := p.check(); err != nil {
			return err
		}
	}
	for _, q := range r.Require.all {
		if err := q.check(); err != nil {
			return err
		}
	}
	return nil
}

func (q requirement) check() error {
	kinds := 0
	for _, there := range []bool{q.Cosign != nil, q.Sigstore != nil, q.Notation != nil} {
		if there {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return errors.New(`a requirement has one of "cosign", "sigstore" and "notation"`)
	case q.Cosign != nil && q.Cosign.PredicateType != "":
		return errors.New(`cosign: "predicateType" is for sigstore`)
	case q.Cosign != nil:
		return q.Cosign.check("cosign")
	case q.Sigstore != nil:
		return q.Sigstore.check("sigstore")
	}
	return q.Notation.check()
}

func (q *sigstoreRequirement) check(kind string) error {
	identity := q.Issuer != "" || q.Identity != ""
	switch {
	case q.Key != "" && identity:
		return fmt.Errorf(`%s: "key" has neither "issuer" nor "identity"`, kind)
	case q.Key == "" && (q.TrustedRoot == "" || q.Issuer == "" || q.Identity == ""):
		return fmt.Errorf(`%s: it needs "key", or "trustedRoot", "issuer" and "identity"`, kind)
	}
	return nil
}

func (q *notationRequirement) check() (err error) {
	if len(q.Certificates) == 0 {
		return errors.New(`notation: it needs "certificates"`)
	}
	if q.Subject != "" {
		q.trust.Subject, err = signature.ParseDistinguishedName(q.Subject)
	}
	if err != nil {
		return fmt.Errorf("notation: subject: %w", err)
	}
	return nil
}

// readFiles reads the keys, roots and certificates. Their paths are relative to the policy's folder.
func (p *policy) readFiles(ctx context.Context, path string) error {
	files := policyFiles{ctx, filepath.Dir(path)}
	for _, r := range p.Rules {
		for _, q := range r.Require.all {
			if err := files.read(q); err != nil {
				return err
			}
		}
	}
	return nil
}

// policyFiles reads the files of a policy.
type policyFiles struct {
	ctx    context.Context
	folder string
}

func (f policyFiles) read(q requirement) error {
	switch {
	case q.Cosign != nil:
		return f.sigstore(q.Cosign)
	case q.Sigstore != nil:
		return f.sigstore(q.Sigstore)
	}
	for _, name := range q.Notation.Certificates {
		err := f.file(name, func(text []byte) error {
			certs, err := parseCertificates(text)
			q.Notation.trust.Certificates = append(q.Notation.trust.Certificates, certs...)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (f policyFiles) sigstore(q *sigstoreRequirement) error {
	q.trust.Identity = signature.Identity{Issuer: q.Issuer, Subject: q.Identity}
	if q.Key != "" {
		err := f.file(q.Key, func(text []byte) (err error) {
			q.trust.Keys, err = signature.ParsePublicKeys(text)
			return err
		})
		if err != nil {
			return err
		}
	}
	if q.TrustedRoot == "" {
		return nil
	}
	return f.file(q.TrustedRoot, func(text []byte) (err error) {
		q.trust.Root, err = signature.ParseTrustedRoot(text)
		return err
	})
}

// file reads and parses one file.
func (f policyFiles) file(name string, parse func([]byte) error) error {
	if !filepath.IsAbs(name) {
		name = filepath.Join(f.folder, name)
	}
	text, err := cli.ReadFile(f.ctx, name, maxPolicy)
	if named := (*fs.PathError)(nil); errors.As(err, &named) {
		return fmt.Errorf("%s, which the policy names: %w", name, named.Err)
	}
	if err != nil {
		return err
	}
	if err := parse([]byte(text)); err != nil {
		return &cli.UsageError{Message: fmt.Sprintf("%s, which the policy names: %v", name, err)}
	}
	return nil
}

// parseCertificates reads a file of PEM blocks CERTIFICATE.
func parseCertificates(text []byte) (out []*x509.Certificate, err error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("it has a PEM block %s, and a CERTIFICATE is needed", block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, cert)
	}
	if len(out) == 0 {
		return nil, errors.New("it has no PEM block CERTIFICATE")
	}
	return out, nil
}

// find returns the first rule for an image and the pattern that matched, nil if there is none.
func (p *policy) find(name reference.Reference) (*rule, string) {
	text := ""
	if name.Path != "" {
		text = name.Name()
	}
	for i := range p.Rules {
		for _, pattern := range p.Rules[i].Images {
			if pattern.match(text) {
				return &p.Rules[i], string(pattern)
			}
		}
	}
	return nil, ""
}

// pattern selects images by HOST/REPOSITORY: * stands for any characters but a slash, ** for any.
type pattern string

func (p pattern) check() error {
	_, repository, _ := strings.Cut(string(p), "/") // before the slash a colon is that of a port
	if p == "" || strings.ContainsAny(string(p), "@ \t\n?[]") || strings.Contains(repository, ":") {
		return fmt.Errorf("%q is no pattern: write HOST/REPOSITORY, with * or **, and without a tag", string(p))
	}
	return nil
}

// match reports whether the pattern selects a name.
func (p pattern) match(name string) bool {
	before, after, found := strings.Cut(string(p), "*")
	if !found {
		return string(p) == name
	}
	rest, ok := strings.CutPrefix(name, before)
	if !ok {
		return false
	}
	deep := strings.HasPrefix(after, "*")
	after = strings.TrimLeft(after, "*")
	for i := 0; i <= len(rest); i++ {
		if pattern(after).match(rest[i:]) {
			return true
		}
		if i < len(rest) && rest[i] == '/' && !deep {
			return false
		}
	}
	return false
}
