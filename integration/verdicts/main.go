// Command verdicts holds test data for signatures against the tools whose verdicts they are: cosign, sigstore-go and notation-go. For
// each case in a folder it serves the layout from a registry on loopback, has the tool verify the image, and compares the answer
// with the stored one. With -update it makes the cases anew, with new keys.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
)

// verdict is a case's verdict.json.
type verdict struct {
	About string `json:"about"` // what the case shows
	Image string `json:"image"`
	answer
	Ours *bool  `json:"ours,omitempty"` // transship's verdict, where it is not the tool's
	Why  string `json:"why,omitempty"`  // why it is not
}

func main() {
	dir := flag.String("dir", "testdata/verdicts", "`folder` with a folder for each case")
	program := flag.String("program", "", "serve the layouts with this transship `file` instead of a registry in memory")
	update := flag.Bool("update", false, "make the cases anew")
	only := flag.String("only", "", "with -update, make only cases whose names have this `prefix`")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	if *update {
		makeCases(ctx, *dir, *only)
		return
	}
	names, err := filepath.Glob(filepath.Join(*dir, "*", "verdict.json"))
	must(err)
	if len(names) == 0 {
		must(fmt.Errorf("no cases in %s", *dir))
	}
	different := 0
	for _, name := range names {
		var stored verdict
		readJSON(name, &stored)
		folder := filepath.Dir(name)
		if got := ask(ctx, folder, *program); got.Accepts != stored.Accepts {
			different++
			fmt.Printf("%s: %s accepts: %v, stored: %v; it says: %s\n", filepath.Base(folder), got.Tool, got.Accepts, stored.Accepts, got.Reason)
		}
	}
	fmt.Printf("%d cases, %d of them with another verdict than stored\n", len(names), different)
	if different > 0 {
		os.Exit(1)
	}
}

// makeCases replaces the cases whose names have a prefix.
func makeCases(ctx context.Context, dir, prefix string) {
	if prefix == "" {
		must(os.RemoveAll(dir)) // also cases that are no more
	}
	w := newWorld()
	for _, c := range append(cosignCases(w), notationCases(w)...) {
		if !strings.HasPrefix(c.name, prefix) {
			continue
		}
		folder := filepath.Join(dir, c.name)
		must(os.RemoveAll(folder))
		t := &caseFiles{content: newContent(), files: map[string][]byte{}}
		c.make(t)
		t.write(filepath.Join(folder, "layout"))
		for name, b := range t.files {
			writeFile(filepath.Join(folder, name), b)
		}
		writeFile(filepath.Join(folder, "policy.json"), indented(policy{Version: 1, Rules: []rule{
			{Images: []string{"registry.example.com/team/**"}, Require: []requirement{t.require}},
		}}))
		v := verdict{About: c.about, Image: imageName, answer: ask(ctx, folder, "")}
		if d, ok := differences[c.name]; ok {
			v.Ours, v.Why = &d.ours, d.why
		}
		writeFile(filepath.Join(folder, "verdict.json"), indented(v))
		fmt.Printf("%-36s %-5v %s\n", c.name, v.Accepts, v.Reason)
	}
}

// testCase makes the files of one case.
type testCase struct {
	name  string
	about string
	make  func(*caseFiles)
}

// caseFiles is what a case's folder will hold.
type caseFiles struct {
	*content
	files   map[string][]byte
	require requirement
}

func indented(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	must(e.Encode(v))
	return b.Bytes()
}

// layerOf is a compressed layer with one file, and the digest of the layer without compression.
func layerOf(name, text string) (compressed []byte, plain digest.Digest) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	sum := digest.Canonical.Digester()
	w := tar.NewWriter(io.MultiWriter(z, sum.Hash()))
	must(w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), ModTime: time.Unix(0, 0)}))
	_, err := io.WriteString(w, text)
	must(err)
	must(w.Close())
	must(z.Close())
	return b.Bytes(), sum.Digest()
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "verdicts:", err)
		os.Exit(2)
	}
}
