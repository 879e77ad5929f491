package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/manifest"
)

// pushDated pushes an image with a time of creation and the label "made" with the tag as its value.
func (s *server) pushDated(repo, tag, created string) manifest.Descriptor {
	s.t.Helper()
	config := fmt.Sprintf(`{"created":%q,"author":"me","architecture":"amd64","os":"linux",`+
		`"config":{"Env":["A=b","C=d"],"Cmd":["sh","-c","x"],"Labels":{"made":%q}},`+
		`"rootfs":{"type":"layers","diff_ids":["sha256:%064d"]}}`, created, tag, 1)
	c := s.pushBlob(repo, manifest.MediaTypeDockerConfig, []byte(config))
	layer := s.pushBlob(repo, manifest.MediaTypeDockerLayer, []byte(strings.Repeat("x", 1200)+tag))
	raw, err := manifest.DockerStyle().EncodeImage(manifest.Image{
		SchemaVersion: 2, MediaType: manifest.MediaTypeDockerManifest, Config: &c, Layers: []manifest.Descriptor{layer},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.pushManifest(repo, tag, raw)
}

// datedStore returns a program whose store has r/old:1 (2020), r/old:2 (2022), r/new:3 (2024) and an
// image without a tag, all without the registry's name.
func datedStore(t *testing.T) (p *program, untagged manifest.Descriptor) {
	s, p := startServer(t), newProgram(t)
	s.pushDated("r/old", "1", "2020-01-02T03:04:05.678Z")
	s.pushDated("r/old", "2", "2022-01-02T03:04:05Z")
	s.pushDated("r/new", "3", "2024-01-02T03:04:05Z")
	untagged = s.pushDated("r/none", "4", "2024-06-01T00:00:00Z")
	for _, name := range []string{"r/old:1", "r/old:2", "r/new:3"} {
		p.run("pull", "-q", s.host+"/"+name).want(0)
		p.run("tag", s.host+"/"+name, name).want(0)
		p.run("rmi", s.host+"/"+name).want(0)
	}
	p.run("pull", "-q", s.host+"/r/none@"+string(untagged.Digest)).want(0)
	return p, untagged
}

func TestImagesFormat(t *testing.T) {
	p, untagged := datedStore(t)
	const old1 = "r/old:1"
	rows := p.imageRows(old1)
	digest := string(rows[0].Digest)
	at := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC).Local().String()
	for format, want := range map[string]string{
		`{{.Repository}}:{{.Tag}}`:                "r/old:1\n",
		`{{.ID}}`:                                 digest[7:19] + "\n",
		`{{.Digest}}`:                             digest + "\n",
		`{{.CreatedAt}}`:                          at + "\n",
		`{{.Size}} {{.Platforms}}`:                dockerKB(rows[0].Size) + " linux/amd64\n",
		`{{.Containers}}{{.SharedSize}}`:          "N/AN/A\n",
		`{{json .Tag}} {{upper .Tag}}`:            "\"1\" 1\n",
		`a\tb{{.Tag}}`:                            "a\tb1\n",
		`{{index (split .Repository "/") 1}}`:     "old\n",
		`{{truncate .Digest 9}}{{pad .Tag 1 2}}|`: "sha256:" + digest[7:9] + " 1  |\n",
		`table {{.Tag}}\t{{lower .Repository}}`:   "TAG   REPOSITORY\n1     r/old\n",
		`{{with .Tag}}{{.}}{{end}}`:               "1\n",
	} {
		if o := p.run("images", "--format", format, old1).want(0); o.stdout != want {
			t.Errorf("%s\nprints %q, want %q", o.line, o.stdout, want)
		}
	}
	if o := p.run("images", "--format", "{{.CreatedSince}}", old1).want(0); !strings.HasSuffix(o.stdout, " years ago\n") {
		t.Errorf("created since %q", o.stdout)
	}
	if o := p.run("images", "--no-trunc", "--format", "{{.ID}}", old1).want(0); o.stdout != digest+"\n" {
		t.Errorf("%s\nprints %q", o.line, o.stdout)
	}
	o := p.run("images", "--digests", "--format", "table {{.Tag}}", old1).want(0)
	if want := "TAG   DIGEST\n1     " + digest + "\n"; o.stdout != want {
		t.Errorf("%s\nprints %q, want %q", o.line, o.stdout, want)
	}
	o = p.run("images", "-aq", "--format", "table", "-f", "dangling=true").want(0)
	if o.stdout != untagged.Digest.Hex()[:12]+"\n" {
		t.Errorf("%s\nprints %q", o.line, o.stdout)
	}
	lines := strings.Split(strings.TrimSpace(p.run("images", "--format", "json").want(0).stdout), "\n")
	for _, line := range lines {
		var row map[string]string
		if err := json.Unmarshal([]byte(line), &row); err != nil || row["ID"] == "" || row["CreatedAt"] == "N/A" {
			t.Errorf("%s: error %v", line, err)
		}
	}
	if len(lines) != 4 {
		t.Errorf("%d lines, want 4", len(lines))
	}
}

// dockerKB formats a size between 1 and 10 kB.
func dockerKB(n int64) string { return fmt.Sprintf("%.3gkB", float64(n)/1000) }

func TestImagesFilter(t *testing.T) {
	p, _ := datedStore(t)
	for line, want := range map[string]string{
		"-f reference=r/old":                            "r/old:1 r/old:2",
		"-f reference=r/old:2":                          "r/old:2",
		"-f reference=r/*:[13]":                         "r/new:3 r/old:1",
		"-f reference=*":                                "",
		"--filter reference=r/old:1 -f reference=r/n*":  "r/new:3 r/old:1",
		"-f reference=r/old -f label=made=2":            "r/old:2",
		"-f label=made -f dangling=false":               "r/new:3 r/old:1 r/old:2",
		"-f label!=made -f dangling=false":              "",
		"-f label!=made=2 -f dangling=false":            "r/new:3 r/old:1",
		"-f label=none":                                 "",
		"-f before=r/old:2":                             "r/old:1",
		"-f since=r/old:1 -f dangling=0":                "r/new:3 r/old:2",
		"-f since=r/old:1 -f before=r/new:3":            "r/old:2",
		"-f until=2021-12-31":                           "r/old:1",
		"-f until=1641092646":                           "r/old:1 r/old:2",
		"-f until=2022-01-02T03:04:06Z -f label=made=1": "r/old:1",
		"-f until=1h -f dangling=false":                 "r/new:3 r/old:1 r/old:2",
		"r/o*":                                          "r/old:1 r/old:2",
		"r/o*:2":                                        "r/old:2",
		"r/old -f label=made=1":                         "r/old:1",
	} {
		args := append([]string{"images", "--format", "{{.Repository}}:{{.Tag}}"}, strings.Fields(line)...)
		if o := p.run(args...).want(0); strings.Join(strings.Fields(o.stdout), " ") != want {
			t.Errorf("%s\nprints %q, want %q", o.line, o.stdout, want)
		}
	}
}

func TestImagesFormatBadInput(t *testing.T) {
	full, _ := datedStore(t)
	for name, p := range map[string]*program{"empty": newProgram(t), "full": full} {
		for line, want := range map[string]wantedError{
			"--format {{.Foo}}":         {2, "--format: there is no field .Foo", "the fields are .ID, .Repository"},
			"--format {{json|.Foo}}":    {2, "--format: ", ""},
			"--format {{.Tag":           {2, "--format: ", ""},
			"--format {{none|.Tag}}":    {2, `function "none" not defined`, ""},
			"--format raw":              {2, `"raw" has no {{.FIELD}}`, "json, table TEMPLATE or TEMPLATE"},
			"--format table|x":          {2, "has no {{.FIELD}}", "json, table TEMPLATE or TEMPLATE"},
			"--format {{.Tag}} --json":  {2, "--json and --format cannot be used together", "--format json"},
			"--filter reference=[":      {2, "is not a pattern", ""},
			"--filter reference":        {2, `"reference" is not KEY=VALUE`, ""},
			"--filter reference=":       {2, "is not KEY=VALUE", ""},
			"--filter dangling=maybe":   {2, "dangling is true or false", ""},
			"--filter is-official=true": {2, `"is-official" is not known; the keys are reference`, ""},
			"--filter until=yesterday":  {2, `"yesterday" is not a time`, "24h"},
			"--filter before=none:1":    {4, "no such image in the local store: none:1", "transship images"},
			"--filter since=A":          {2, "", ""},
			"r/[":                       {2, "is not a pattern", ""},
		} {
			args := strings.Fields(line)
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], "|", " ")
			}
			o := p.run(append([]string{"images"}, args...)...)
			if name == "empty" && line == "--filter since=A" {
				o.want(4)
				continue
			}
			if o.want(want.code, want.message, want.hint); o.stdout != "" && !strings.Contains(line, "--json") {
				t.Errorf("%s\nprints %s", o.line, o.stdout)
			}
		}
	}
	full.run("images", "--format", "{{slice .Tag 5 9}}").want(2, "--format: <slice .Tag 5 9>")
	full.run("images", "--tree").want(0, "note: --tree has no effect")
}

// An image without a config, or whose config is damaged, is listed without what a config says.
func TestImagesFormatOfDamagedConfig(t *testing.T) {
	p, _ := datedStore(t)
	for name, content := range p.storeBlobs() {
		if strings.Contains(string(content), `"created":"2020`) {
			if err := os.WriteFile(filepath.Join(p.storePath(), "blobs", "sha256", name), []byte("{}"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	o := p.run("images", "--format", "{{.Tag}} {{.CreatedAt}}", "r/old:1").want(0, "warning: r/old:1: ")
	if o.stdout != "1 N/A\n" {
		t.Errorf("prints %q", o.stdout)
	}
}
