package conformance

import (
	"debug/buildinfo"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/servers"
)

// tests are those of the program that a row of probe is about: yes if all of them pass.
var tests = map[string]string{
	"upload-put":          "sha256 blobs/post+put/blob-post-put",
	"upload-post":         "sha256 blobs/post only/blob-post-only",
	"upload-chunks":       "sha256 blobs/chunked multi/blob-patch-chunked",
	"upload-out-of-order": "sha256 blobs/chunked out-of-order/blob-patch-chunked",
	"upload-stream":       "sha256 blobs/stream/blob-patch-stream",
	"upload-cancel":       "sha256 blobs/post cancel/blob-post-cancel",
	"upload-bad-digest":   "sha256 blobs/bad digest post+put/blob-post-put",
	"sha512-blob":         "sha512 blobs/post+put/blob-post-put",
	"mount-anonymous":     "sha256 blobs/mount anonymous/blob-mount-anonymous",
	"mount-from":          "sha256 blobs/mount/blob-mount",
	"mount-nowhere":       "sha256 blobs/mount missing/blob-mount",
	"manifest-put":        "image/push/manifest-by-tag",
	"tag-query":           "tag-param-sha256/push/manifest-by-digest",
	"subject":             "artifacts-with-subject/push/manifest-by-digest",
	"sparse-index":        "sparse/push/manifest-by-digest",
	"sha512-manifest":     "sha512/push/manifest-by-digest",
	"tags":                "image/tag-list",
	"tags-last":           "artifacts-with-subject/tag-list",
	"manifest-get":        "image/pull/manifest-by-tag",
	"manifest-kept":       "custom-fields/pull/manifest-by-tag",
	"manifest-head":       "image/head/manifest-head-by-tag",
	"manifest-missing":    "missing-manifest/by-digest",
	"blob-head":           "image/head/blob-head",
	"range":               "sha256 blobs/range requests/range 500-1499",
	"range-suffix":        "sha256 blobs/range requests/range -500",
	"range-beyond":        "sha256 blobs/range requests/range 5000-10000",
	"referrers":           "empty/referrers",
	"referrers-filter":    "artifacts-with-subject/referrers",
	"delete-tag":          "image/delete/tag-delete",
	"delete-manifest":     "image/delete/manifest-delete",
	"delete-blob":         "sha256 blobs/post+put/blob-delete",
}

// headerTests are those that count the header Docker-Content-Digest, which the program wants in each answer or in none.
var headerTests = map[string]string{
	"upload-digest-header":   "sha256 blobs/post+put/blob-post-put",
	"manifest-digest-header": "image/pull/manifest-by-tag",
	"blob-digest-header":     "image/head/blob-head",
}

// junit is what is read of the program's report.
type junit struct {
	Total  int `xml:"tests,attr"`
	Suites []struct {
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
		Disabled int `xml:"disabled,attr"`
		Cases    []struct {
			Name   string `xml:"name,attr"`
			Status string `xml:"status,attr"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

// runProgram runs the conformance program on a registry.
func runProgram(t testing.TB, program, host string, settings ...string) junit {
	t.Helper()
	dir := t.TempDir()
	p := servers.Program{Path: program, Dir: dir, Env: append([]string{"OCI_VERSION=dev", "OCI_TLS=disabled",
		"OCI_REGISTRY=" + host, "OCI_RESULTS_DIR=" + dir}, settings...)}
	p.Run(t) // its status is that of the verdicts
	raw, err := os.ReadFile(filepath.Join(dir, "junit.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var j junit
	if err := xml.Unmarshal(raw, &j); err != nil {
		t.Fatal(err)
	}
	return j
}

// verdicts returns yes or no for the rows whose tests were run.
func (j junit) verdicts(tests map[string]string) map[string]string {
	byTest := map[string]string{}
	for _, suite := range j.Suites {
		for _, c := range suite.Cases {
			name := strings.TrimPrefix(c.Name, "OCI Conformance Test/")
			if byTest[name] != "no" {
				byTest[name] = map[bool]string{true: "yes", false: "no"}[c.Status == "passed"]
			}
		}
	}
	out := map[string]string{}
	for id, test := range tests {
		if byTest[test] != "" {
			out[id] = byTest[test]
		}
	}
	return out
}

// passed returns how many tests pass. A case counts several of them.
func (j junit) passed() int {
	n := j.Total
	for _, s := range j.Suites {
		n -= s.Failures + s.Errors + s.Skipped + s.Disabled
	}
	return n
}

// TestConformance runs the program and probe on all registries, compares them with each other and with what is kept: make
// conformance. TRANSSHIP_CONFORMANCE is the folder with the programs.
func TestConformance(t *testing.T) {
	bin := os.Getenv("TRANSSHIP_CONFORMANCE")
	if bin == "" {
		t.Skip("make conformance runs it")
	}
	peers := append(everywhere(), peer{"olareg", "olareg", false, func(t testing.TB) string {
		return servers.Olareg(t, filepath.Join(bin, "olareg")).Host
	}})
	if zot := os.Getenv("ZOT"); zot != "" {
		peers = append(peers, peer{"zot", "zot", false, func(t testing.TB) string { return servers.Zot(t, zot).Host }})
	} else {
		t.Log("zot is not tested: ZOT names no program")
	}
	for _, at := range peers {
		t.Run(at.name, func(t *testing.T) { at.test(t, filepath.Join(bin, "conformance")) })
	}
}

// test runs the program on a registry as it wants it, and once more without the header and with sparse content, each time on
// an empty one.
func (at peer) test(t *testing.T, program string) {
	sparse := "OCI_DATA_SPARSE=" + map[bool]string{true: "true", false: "false"}[at.sparse]
	whole := runProgram(t, program, at.start(t), sparse)
	lenient := runProgram(t, program, at.start(t), "OCI_DATA_SPARSE=true", "OCI_API_BLOBS_DIGEST_HEADER=false",
		"OCI_API_MANIFESTS_DIGEST_HEADER=false")
	k := kept{Passed: whole.passed(), Total: whole.Total, Conformance: lenient.verdicts(tests)}
	for id, verdict := range whole.verdicts(headerTests) {
		k.Conformance[id] = verdict
	}
	t.Logf("%d of %d tests pass", k.Passed, k.Total)
	k.Probe = probe(t, at.start(t)).verdicts()
	compare(t, k.Probe, k.Conformance, "the conformance program")
	if info, err := buildinfo.ReadFile(program); err == nil {
		k.Program = info.Main.Path + "@" + info.Main.Version
	}
	if *update {
		raw, err := json.MarshalIndent(k, "", "  ")
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, at.name+".json"), append(raw, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	old := load(t, at.name)
	compare(t, k.Conformance, old.Conformance, "the kept run")
	if k.Passed != old.Passed || k.Total != old.Total {
		t.Errorf("%d of %d tests pass, %d of %d did", k.Passed, k.Total, old.Passed, old.Total)
	}
}
