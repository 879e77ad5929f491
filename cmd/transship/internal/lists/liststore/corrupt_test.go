package liststore_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/lists/liststore"
)

// replaceOnce replaces the first old in content, which must contain it.
func replaceOnce(t *testing.T, content, old, by string) string {
	t.Helper()
	if !strings.Contains(content, old) {
		t.Fatalf("no %s in %s", old, content)
	}
	return strings.Replace(content, old, by, 1)
}

func TestCorruptFiles(t *testing.T) {
	good := newStore(t, images()[amd64])
	b, err := os.ReadFile(file(good, amd64))
	if err != nil {
		t.Fatal(err)
	}
	content := string(b)
	for name, corrupt := range map[string]string{
		"empty":          "",
		"null":           "null",
		"array":          "[]",
		"binary":         "\x00\xff",
		"truncated":      content[:len(content)/2],
		"trailing":       content + "{}",
		"no members":     "{}",
		"no Ref":         replaceOnce(t, content, `"Ref"`, `"Name"`),
		"null Ref":       replaceOnce(t, content, `"Ref":"`+amd64+`"`, `"Ref":null`),
		"odd Ref":        replaceOnce(t, content, amd64, "halo"),
		"other Ref":      replaceOnce(t, content, amd64, arm),
		"escape in Ref":  replaceOnce(t, content, amd64, `\u001b[2J`),
		"case":           replaceOnce(t, content, `"Ref"`, `"ref"`),
		"doubled Ref":    replaceOnce(t, content, `{"Ref"`, `{"Ref":"`+arm+`","Ref"`),
		"both cases":     replaceOnce(t, content, `{"Ref"`, `{"REF":"`+arm+`","Ref"`),
		"descriptor":     replaceOnce(t, content, `{"mediaType"`, `[{"mediaType"`),
		"null descr.":    `{"Ref":"` + amd64 + `","Descriptor":null}`,
		"digest":         replaceOnce(t, content, `"digest":"sha256:`, `"digest":"sha256:0`),
		"other digest":   replaceOnce(t, content, string(images()[amd64].digest()), string(blob.FromBytes(nil))),
		"unknown digest": replaceOnce(t, content, `"digest":"sha256:`, `"digest":"md5:`),
		"size":           replaceOnce(t, content, `"size":`, `"size":1`),
		"negative size":  replaceOnce(t, content, `"size":`, `"size":-`),
		"type":           replaceOnce(t, content, `distribution.manifest.v2`, `distribution.manifest.list.v2`),
		"base64":         replaceOnce(t, content, `"Raw":"`, `"Raw":"!`),
		"bytes":          replaceOnce(t, content, `"Raw":"ewog`, `"Raw":"ewok`),
		"nothing kept":   `{"Ref":"` + amd64 + `","Descriptor":{"mediaType":"x","digest":"","size":0}}`,
		"large":          content + strings.Repeat(" ", 16<<20),
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, images()[amd64])
			writeFile(t, file(s, amd64), corrupt)
			_, err := s.List(list)
			wantCorrupt(t, err, file(s, amd64), "transship manifest rm "+list)
			if err != nil && strings.ContainsAny(err.Error(), "\x1b\x00") {
				t.Errorf("%q has control characters", err)
			}
			_, err = s.Get(list, amd64)
			wantCorrupt(t, err)
		})
	}
}

func TestFolderInsteadOfFile(t *testing.T) {
	s := newStore(t, images()[arm])
	if err := os.Mkdir(file(s, amd64), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := s.Get(list, amd64)
	wantCorrupt(t, err, "not a regular file")
}

func TestFileNameOfAnotherEntry(t *testing.T) {
	s := newStore(t, images()[amd64])
	b, err := os.ReadFile(file(s, amd64))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, file(s, amd64)+".bak", string(b))
	_, err = s.List(list)
	wantCorrupt(t, err, ".bak", "whose file would be "+filepath.Base(file(s, amd64)))
}

// As in docker, members of later versions are ignored.
func TestUnknownMembersAreIgnored(t *testing.T) {
	s := newStore(t, images()[amd64])
	b, err := os.ReadFile(file(s, amd64))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, file(s, amd64), replaceOnce(t, string(b), `{"Ref"`, `{"New":{"a":[1,2]},"Ref"`))
	wantRefs(t, s, amd64)
}

// A manifest without its white space is rebuilt with any of the usual indentations.
func TestRebuildTriesUsualIndentations(t *testing.T) {
	docker, oci := images()[amd64], images()[ociS390X]
	for name, text := range map[string]string{
		"docker": docker.manifest, "tabs": strings.ReplaceAll(docker.manifest, "   ", "\t"), "compact": oci.manifest,
		"oci": indented(t, oci.manifest, "  "),
	} {
		t.Run(name, func(t *testing.T) {
			im := docker
			if name == "compact" || name == "oci" {
				im = oci
			}
			im.manifest = text
			want := im.entry()
			b, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			start, end := bytes.Index(b, []byte(`"Raw"`)), bytes.Index(b, []byte(`"SchemaV2Manifest"`))
			if end < 0 {
				end = bytes.Index(b, []byte(`"OCIManifest"`))
			}
			var got liststore.Entry
			if err := json.Unmarshal(append(b[:start:start], b[end:]...), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func indented(t *testing.T, text, indent string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(text), "", indent); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func FuzzEntry(f *testing.F) {
	for _, s := range []liststore.Store{golden, withoutRaw, withoutDescriptor} {
		for _, content := range readTree(f, s.Root) {
			f.Add([]byte(content))
		}
	}
	for _, content := range []string{"", "null", "{}", `{"Ref":1}`, `{"Ref":"a","ref":"b"}`, `{"Digest":"sha256:"}`} {
		f.Add([]byte(content))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var e liststore.Entry
		if json.Unmarshal(b, &e) != nil {
			return
		}
		if err := blob.Verify(e.Raw, e.Descriptor.Digest, e.Descriptor.Size); err != nil {
			t.Error(err)
		}
		liststore.Build([]liststore.Entry{e})
		written, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var again liststore.Entry
		if err := json.Unmarshal(written, &again); err != nil {
			t.Fatal(err)
		}
		rewritten, err := json.Marshal(again)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(written, rewritten) {
			t.Errorf("%s\nbecomes %s", written, rewritten)
		}
	})
}
