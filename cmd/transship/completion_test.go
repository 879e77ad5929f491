package main

import (
	"slices"
	"strings"
	"testing"
)

// Completion offers what may stand at a place: commands, flags, values, images of the local store,
// hosts with credentials, files.
func TestCompletionCandidates(t *testing.T) {
	p := newProgram(t)
	src := startServer(t)
	src.pushImage("team/app", "1.0", "linux/amd64", "a layer")
	p.run("pull", "-q", src.host+"/team/app:1.0").want(0)
	p.writeFile(".docker/config.json", `{"auths": {"registry.example.com": {"auth": "dXNlcjp4"}},
		"credHelpers": {"quay.io": "pass"}, "credsStore": "none"}`)
	tests := []struct {
		words  []string
		want   []string // among the candidates
		absent []string
	}{
		{[]string{""}, []string{"copy", "manifest", "help"}, nil},
		{[]string{"co"}, []string{"copy", "completion"}, []string{"save"}},
		{[]string{"manifest", ""}, []string{"create", "push"}, []string{"copy"}},
		{[]string{"image", ""}, []string{"ls", "pull"}, []string{"copy"}},
		{[]string{"help", "manifest", "cr"}, []string{"create"}, nil},
		{[]string{"copy", "--plat"}, []string{"--platform"}, []string{"--plan"}},
		{[]string{"copy", "--platform", "linux/a"}, []string{"linux/arm64"}, []string{"windows/amd64"}},
		{[]string{"copy", "--platform=linux/a"}, []string{"--platform=linux/arm64"}, nil},
		{[]string{"copy", "--quiet", ""}, []string{src.host + "/team/app:1.0", "registry.example.com/", "quay.io/", "oci:"}, nil},
		{[]string{"copy", "oci:"}, []string{":files"}, []string{"quay.io/"}},
		{[]string{"copy", "--", "-"}, nil, []string{"--platform"}},
		{[]string{"rmi", ""}, []string{src.host + "/team/app:1.0"}, nil},
		{[]string{"login", "q"}, []string{"quay.io"}, []string{"registry.example.com"}},
		{[]string{"save", "-o", ""}, []string{":files"}, []string{"quay.io/"}},
		{[]string{"load", ""}, []string{":files"}, nil},
		{[]string{"load", "monday.tar", ""}, []string{"quay.io"}, []string{":files"}},
		{[]string{"completion", "z"}, []string{"zsh"}, nil},
		{[]string{"nonsense", ""}, nil, []string{"copy"}},
		{[]string{"copy", "--nonsense=", "x"}, nil, []string{"copy"}},
	}
	for _, tt := range tests {
		o := p.run(append([]string{"completion", "bash", "--"}, tt.words...)...)
		if o.code != 0 || o.stderr != "" {
			t.Errorf("%q: exit %d, %s", tt.words, o.code, o.stderr)
		}
		var got []string
		for line := range strings.Lines(o.stdout) {
			word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			got = append(got, word)
		}
		for _, w := range tt.want {
			if !slices.Contains(got, w) {
				t.Errorf("%q: no %s among %q", tt.words, w, got)
			}
		}
		for _, w := range tt.absent {
			if slices.Contains(got, w) {
				t.Errorf("%q: %s is offered", tt.words, w)
			}
		}
	}
}

// Completion is silent where the store and the credentials cannot be read, and refuses other shells.
func TestCompletionOfBadInput(t *testing.T) {
	p := newProgram(t)
	p.writeFile(".docker/config.json", `{"auths": 7}`)
	if o := p.run("completion", "fish", "--", "copy", "x"); o.code != 0 || o.stdout+o.stderr != "" {
		t.Errorf("exit %d: %s%s", o.code, o.stdout, o.stderr)
	}
	if o := p.run("completion", "nu"); o.code != 2 || !strings.Contains(o.stderr, "bash, fish, powershell, zsh") {
		t.Errorf("exit %d: %s", o.code, o.stderr)
	}
}
