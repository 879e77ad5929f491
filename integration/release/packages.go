package main

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"github.com/blakesmith/ar"
	"github.com/google/rpmpack"
)

const (
	homepage = "https://github.com/hczjl/transship"
	summary  = "copies multi-architecture container images between registries"
	about    = "transship copies container images with all their platforms between registries, archives and folders, " +
		"without a daemon. Every digest and byte stays the same."
)

// installed returns the files of a package, by their places in a system.
func (r *release) installed(p program) ([]file, error) {
	content, err := os.ReadFile(p.path)
	if err != nil {
		return nil, err
	}
	out := []file{{name: "usr/bin/transship", content: content, mode: 0o755}}
	for _, f := range r.assets {
		place, ok := place(f.name)
		if !ok {
			continue
		}
		if strings.HasSuffix(place, ".gz") {
			if f.content, err = compressed(f.content); err != nil {
				return nil, err
			}
		}
		out = append(out, file{name: place, content: f.content, mode: f.mode})
	}
	return sortedByName(out), nil
}

// place returns where a file of the archives is installed; false if a package does not have it.
func place(name string) (string, bool) {
	base := path.Base(name)
	switch {
	case path.Dir(name) == "man":
		return "usr/share/man/man1/" + base + ".gz", true
	case name == "completions/transship.bash":
		return "usr/share/bash-completion/completions/transship", true
	case name == "completions/_transship":
		return "usr/share/zsh/vendor-completions/_transship", true
	case name == "completions/transship.fish":
		return "usr/share/fish/vendor_completions.d/transship.fish", true
	case name == "LICENSE":
		return "usr/share/doc/transship/copyright", true
	case path.Dir(name) == ".":
		return "usr/share/doc/transship/" + base, true
	}
	return "", false
}

// deb writes a Debian binary package (deb(5)): an ar archive of a version and two tars.
func (r *release) deb(p program) error {
	files, err := r.installed(p)
	if err != nil {
		return err
	}
	var data, control bytes.Buffer
	if err := writeTarGz(&data, files, r.created()); err != nil {
		return err
	}
	if err := writeTarGz(&control, r.debControl(p, files), r.created()); err != nil {
		return err
	}
	var b bytes.Buffer
	w := ar.NewWriter(&b)
	if err := w.WriteGlobalHeader(); err != nil {
		return err
	}
	for _, m := range []file{
		{name: "debian-binary", content: []byte("2.0\n")},
		{name: "control.tar.gz", content: control.Bytes()},
		{name: "data.tar.gz", content: data.Bytes()},
	} {
		h := &ar.Header{Name: m.name, ModTime: r.created(), Mode: 0o644, Size: int64(len(m.content))}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := w.Write(m.content); err != nil {
			return err
		}
	}
	return os.WriteFile(r.path(r.name(p.target)+".deb"), b.Bytes(), 0o644)
}

// debControl returns the files that describe a Debian package (deb-control(5), deb-md5sums(5)).
func (r *release) debControl(p program, files []file) []file {
	var sums strings.Builder
	size := 0
	for _, f := range files {
		fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(f.content), f.name)
		size += len(f.content)
	}
	fields := []string{
		"Package: transship",
		"Version: " + r.version,
		"Architecture: " + p.target.deb,
		"Maintainer: the transship authors <" + homepage + ">",
		fmt.Sprintf("Installed-Size: %d", (size+1023)/1024),
		"Recommends: ca-certificates",
		"Section: utils",
		"Priority: optional",
		"Homepage: " + homepage,
		"Description: " + summary,
		" " + about,
	}
	return []file{
		{name: "control", content: []byte(strings.Join(fields, "\n") + "\n"), mode: 0o644},
		{name: "md5sums", content: []byte(sums.String()), mode: 0o644},
	}
}

// rpm writes an RPM package.
func (r *release) rpm(p program) error {
	files, err := r.installed(p)
	if err != nil {
		return err
	}
	w, err := rpmpack.NewRPM(rpmpack.RPMMetaData{
		Name: "transship", Summary: summary, Description: about, Version: r.version, Release: "1",
		Arch: p.target.rpm, OS: "linux", Vendor: "the transship authors", URL: homepage, Packager: homepage,
		Group: "Applications/System", Licence: "Apache-2.0", BuildHost: "reproducible", Compressor: "gzip:9",
		BuildTime: r.created(), Recommends: rpmpack.Relations{{Name: "ca-certificates"}},
	})
	if err != nil {
		return err
	}
	for _, f := range files {
		w.AddFile(rpmpack.RPMFile{
			Name: "/" + strings.Replace(f.name, "vendor-completions", "site-functions", 1), Body: f.content,
			Mode: uint(f.mode), Owner: "root", Group: "root", MTime: uint32(r.created().Unix()), Type: rpmType(f),
		})
	}
	var b bytes.Buffer
	if err := w.Write(&b); err != nil {
		return err
	}
	return os.WriteFile(r.path(r.name(p.target)+".rpm"), b.Bytes(), 0o644)
}

func rpmType(f file) rpmpack.FileType {
	if strings.HasPrefix(f.name, "usr/share/doc/") {
		return rpmpack.DocFile
	}
	return rpmpack.GenericFile
}

// compressed returns gzip's form of a file, without a name and a time.
func compressed(b []byte) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	z.ModTime = time.Time{}
	if _, err := z.Write(b); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
