package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Images are found in what helm, kustomize, kubectl and compose write, and each is printed once.
func TestImagesIn(t *testing.T) {
	const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for text, want := range map[string]string{
		"image: nginx":                                                      "docker.io/library/nginx:latest",
		"\ufeffimage: nginx:1.2 # why\r\n":                                  "docker.io/library/nginx:1.2",
		"a:\n  - image: \"quay.io/a/b:1\"\n":                                "quay.io/a/b:1",
		"  - - image : 'quay.io/a/b:1'":                                     "quay.io/a/b:1",
		"image: &a quay.io/a/b:1\n---\nimage: b/c:2":                        "docker.io/b/c:2 quay.io/a/b:1",
		"image: r.example:5000/a@" + digest:                                 "r.example:5000/a@" + digest,
		"image: a:1\nx:\n  image: docker.io/library/a:1":                    "docker.io/library/a:1",
		"# image: no\nbaseImage: no\nimagePullPolicy: Always\nimage: yes:1": "docker.io/library/yes:1",
		"spec: {image: a:1, other: {name: x, image: 'b:2'}}":                "docker.io/library/a:1 docker.io/library/b:2",
		`{"image":"quay.io/a/b:1","x":[{"image" : "quay.io\/c:2"}]}`:        "quay.io/a/b:1 quay.io/c:2",
		"{\n  \"image\": \"a:1\",\n  \"x\": 1\n}":                           "docker.io/library/a:1",
		"image:\n  repository: a/b\n  tag: \"1.20\"\n":                      "docker.io/a/b:1.20",
		"web:\n  image:\n    registry: quay.io\n    repository: a/b\n    pullPolicy: x\n    tag: 2 # two\n  x: 1": "quay.io/a/b:2",
		"image: {repository: a/b, tag: '3'}":                                             "docker.io/a/b:3",
		"{\n \"image\": {\n  \"repository\": \"a/b\",\n  \"tag\": \"4\"\n }\n}":          "docker.io/a/b:4",
		"image:\n  repository: a\n  digest: " + digest + "\nimage: b:1":                  "docker.io/library/a@" + digest + " docker.io/library/b:1",
		"image:\n  repository: a\n  tag: 1\n  x:\n    tag: no\ny:\n  tag: no":            "docker.io/library/a:1",
		"image:\n  repository: a/chart\n  tag: \"\"\nz: 1\nimage: b:1":                   "docker.io/library/b:1",
		"x: " + strings.Repeat("y", 200_000) + "\nimage: a:1":                            "docker.io/library/a:1",
		"[" + strings.Repeat(`{"image":"a:1","name":"x"},`, 20_000) + `{"image":"b:1"}]`: "docker.io/library/a:1 docker.io/library/b:1",
	} {
		p := newProgram(t)
		p.stdin = text
		o := p.run("images-in", "-").want(0)
		if got := strings.Join(strings.Fields(o.stdout), " "); got != want || o.stderr != "" {
			t.Errorf("%.80q: got %s, want %s; %s", text, got, want, o.stderr)
		}
	}
}

// No image is lost where a long line of JSON is cut into pieces.
func TestImagesInOfALongLine(t *testing.T) {
	var text strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&text, `{"image":"a:%d","name":"x"},`, i)
	}
	p := newProgram(t)
	p.stdin = text.String()
	if o := p.run("images-in", "-").want(0); strings.Count(o.stdout, "\n") != 10_000 {
		t.Errorf("found %d images", strings.Count(o.stdout, "\n"))
	}
}

// What is printed is a list that save -f reads.
func TestImagesInIsAListForSave(t *testing.T) {
	s := startServer(t)
	s.pushThreePlatforms()
	p := newProgram(t)
	list := p.run("images-in", p.writeFile("compose.yaml", "services:\n  a:\n    image: "+s.host+"/src/repo:1.6\n")).want(0)
	p.run("save", "-o", filepath.Join(p.env["HOME"], "x.tar"), "-f", p.writeFile("images.txt", list.stdout)).want(0)
}

func TestImagesInBadInput(t *testing.T) {
	p := newProgram(t)
	for text, want := range map[string]wantedError{
		"":                           {4, "standard input names no image", "values of image:"},
		"a: b":                       {4, "standard input names no image", "values of image:"},
		"image:\x00\xff\n\"image\":": {4, "standard input names no image", "values of image:"},
		"image: {{ .Values.image }}": {4, "standard input names no image", "values of image:"},
	} {
		p.stdin = text
		p.run("images-in", "-").wantError(want)
	}
	p.run("images-in", p.env["HOME"]).wantError(wantedError{2, "neither a file nor a pipe", ""})
	p.run("images-in", "/dev/zero").wantError(wantedError{2, "neither a file nor a pipe", ""})
	p.run("images-in", filepath.Join(p.env["HOME"], "none")).want(4)
	p.stdin = "image: a:1\nimage: ${REGISTRY}/a:" + secret + "\nimage: A\n"
	if o := p.run("images-in", "-").want(0, "left out 2 values", "line 2"); o.stdout != "docker.io/library/a:1\n" {
		t.Errorf("got %q", o.stdout)
	}
	for _, template := range []string{`{{ .Values.image }}`, `"{{ .Values.image }}:{{ .Values.tag }}"`, `{{ .Values.image | quote }}`} {
		p.stdin = "image: " + template + "\nimage: a:1\n"
		if o := p.run("images-in", "-").want(0, "left out 1 value that no image can have, the first in line 1"); o.stdout != "docker.io/library/a:1\n" {
			t.Errorf("%s: got %q", template, o.stdout)
		}
	}
	var many strings.Builder
	for i := range 100_002 {
		fmt.Fprintf(&many, "image: a:%d\n", i)
	}
	p.stdin = many.String()
	p.run("images-in", "-").wantError(wantedError{2, "more than 100000 different images", ""})
}

// A document of a hundred megabytes takes seconds.
func TestImagesInOfALargeDocument(t *testing.T) {
	p := newProgram(t)
	path := filepath.Join(p.env["HOME"], "large.yaml")
	part := strings.Repeat("- name: x\n  value: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n  image: quay.io/a/b:1\n", 10_000)
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 11 { // more lines than different images may be
		if _, err := file.WriteString(part); err != nil {
			t.Fatal(err)
		}
	}
	file.Close()
	if o := p.run("images-in", path).want(0); o.stdout != "quay.io/a/b:1\n" {
		t.Errorf("got %q", o.stdout)
	}
}
