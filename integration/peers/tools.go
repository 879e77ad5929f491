package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/hczjl/transship/integration/servers"
)

// tool is a program that is compared. Each task is done as the tool's own documentation says is best for it.
type tool struct {
	servers.Program
	name    string
	module  string // PACKAGE@VERSION for go install; empty for what is there already
	version string // of what is installed
	fetches bool   // it cannot put what it gets anywhere but into files

	commands map[task]arguments
}

// task is something that a tool may have a command for.
type task int

const (
	copyOne task = iota // an image with all its platforms
	copyAll             // all tags of a repository
	save                // an image into a file or folder below job.dir
)

// arguments are what a tool is called with for a job. They may write files that it reads.
type arguments func(t testing.TB, j job) []string

// job is what a tool is asked to do.
type job struct {
	src, dst string          // HOST:PORT of both registries
	repo     string          // on both
	tag      string          // for one and save
	dir      string          // an empty folder for the job's files
	tls      bool            // both registries speak HTTPS
	ca       string          // the file of their CA, if so
	blobs    []digest.Digest // of the content
}

// plain gives words back for registries without TLS, and secure for those with.
func (j job) plain(words string) string  { return map[bool]string{false: words}[j.tls] }
func (j job) secure(words string) string { return map[bool]string{true: words}[j.tls] }

func (j job) from() string { return j.src + "/" + j.repo }
func (j job) to() string   { return j.dst + "/" + j.repo }

// tarred and folder are where save writes to.
func (j job) tarred() string { return filepath.Join(j.dir, "image.tar") }
func (j job) folder() string { return filepath.Join(j.dir, "image") }

// file writes a file that a tool reads, and gives its path.
func (j job) file(t testing.TB, name, text string) string {
	path := filepath.Join(j.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// words splits a text at blanks, once args stand for the verbs in it.
func words(format string, args ...any) []string {
	return strings.Fields(fmt.Sprintf(format, args...))
}

// subject is the name of what is compared with the peers.
const subject = "transship"

// ofSystem is the subject without a congestion control of its own choice.
const ofSystem = "transship-system"

// tools are all there are, the one under test first.
func tools() []tool {
	return []tool{transship(), transshipOfSystem(), crane(), regctl(), regsync(), oras(), skopeo(), aria2c()}
}

func transship() tool {
	return tool{
		name: subject,
		commands: map[task]arguments{
			copyOne: func(_ testing.TB, j job) []string {
				return words("copy -q %s:%s %s:%s", j.from(), j.tag, j.to(), j.tag)
			},
			copyAll: func(t testing.TB, j job) []string {
				return words("sync -q -f %s", j.file(t, "images.txt", j.from()+" "+j.to()+"\n"))
			},
			save: func(_ testing.TB, j job) []string { return words("save -q -o %s %s:%s", j.tarred(), j.from(), j.tag) },
		},
	}
}

func transshipOfSystem() tool {
	return tool{
		name: ofSystem,
		commands: map[task]arguments{
			copyOne: func(_ testing.TB, j job) []string {
				return words("copy -q --congestion system %s:%s %s:%s", j.from(), j.tag, j.to(), j.tag)
			},
		},
	}
}

func crane() tool {
	return tool{
		name: "crane", module: "github.com/google/go-containerregistry/cmd/crane@v0.22.1",
		commands: map[task]arguments{
			copyOne: func(_ testing.TB, j job) []string { return words("copy %s:%s %s:%s", j.from(), j.tag, j.to(), j.tag) },
			copyAll: func(_ testing.TB, j job) []string { return words("copy -a -j 8 %s %s", j.from(), j.to()) },
			save: func(_ testing.TB, j job) []string {
				return words("pull --format oci %s:%s %s", j.from(), j.tag, j.folder())
			},
		},
	}
}

func regctl() tool {
	hosts := func(j job, hosts ...string) (flags string) {
		for _, host := range hosts {
			flags += " --host reg=" + host + ",tls=" + j.plain("disabled") + j.secure("enabled")
		}
		return flags
	}
	return tool{
		name: "regctl", module: "github.com/regclient/regclient/cmd/regctl@v0.11.7",
		commands: map[task]arguments{
			copyOne: func(_ testing.TB, j job) []string {
				return words("image copy %s %s:%s %s:%s", hosts(j, j.src, j.dst), j.from(), j.tag, j.to(), j.tag)
			},
			save: func(_ testing.TB, j job) []string {
				return words("image export %s %s:%s %s", hosts(j, j.src), j.from(), j.tag, j.tarred())
			},
		},
	}
}

// regsync copies one image at a time unless told otherwise; eight as crane here.
func regsync() tool {
	const config = `version: 1
creds:
  - {registry: %[1]q, tls: %[3]s}
  - {registry: %[2]q, tls: %[3]s}
defaults: {parallel: 8}
sync:
  - {source: %[4]q, target: %[5]q, type: repository}
`
	return tool{
		name: "regsync", module: "github.com/regclient/regclient/cmd/regsync@v0.11.7",
		commands: map[task]arguments{
			copyAll: func(t testing.TB, j job) []string {
				return words("once -c %s", j.file(t, "regsync.yml", fmt.Sprintf(config, j.src, j.dst, j.plain("disabled")+j.secure("enabled"), j.from(), j.to())))
			},
		},
	}
}

func oras() tool {
	return tool{
		name: "oras", module: "oras.land/oras/cmd/oras@v1.3.6",
		commands: map[task]arguments{
			copyOne: func(_ testing.TB, j job) []string {
				return words("cp --no-tty %s %s:%s %s:%s", j.plain("--from-plain-http --to-plain-http"), j.from(), j.tag, j.to(), j.tag)
			},
			save: func(_ testing.TB, j job) []string {
				return words("cp --no-tty --from-plain-http --to-oci-layout %s:%s %s:%s", j.from(), j.tag, j.folder(), j.tag)
			},
		},
	}
}

// aria2c fetches the blobs of an image from the source over 16 connections each, as many as it lets a host have for a file,
// six blobs at a time. By itself it splits no file into parts of less than 20 MB.
func aria2c() tool {
	return tool{
		name: "aria2c", fetches: true,
		commands: map[task]arguments{
			copyOne: func(t testing.TB, j job) []string {
				var list strings.Builder
				for _, d := range j.blobs {
					fmt.Fprintf(&list, "https://%s/v2/%s/blobs/%s\n  out=%s\n", j.src, j.repo, d, d.Encoded())
				}
				return words("-q --no-conf --file-allocation=none -x16 -s16 -k1M -j6 --ca-certificate=%s -d %s -i %s",
					j.ca, j.dir, j.file(t, "blobs.txt", list.String()))
			},
		},
	}
}

// skopeo has no command for save: its archives hold either one platform or an image whose types and digests it has changed.
func skopeo() tool {
	return tool{
		name: "skopeo",
		commands: map[task]arguments{
			copyOne: func(_ testing.TB, j job) []string {
				return words("copy -q --all --preserve-digests %s docker://%s:%s docker://%s:%s",
					j.plain("--src-tls-verify=false --dest-tls-verify=false"), j.from(), j.tag, j.to(), j.tag)
			},
			copyAll: func(_ testing.TB, j job) []string {
				return words("sync --all --preserve-digests --src docker --dest docker --src-tls-verify=false --dest-tls-verify=false %s %s",
					j.from(), strings.TrimSuffix(j.to(), "/"+filepath.Base(j.repo)))
			},
		},
	}
}
