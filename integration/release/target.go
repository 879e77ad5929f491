package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/hczjl/transship/manifest"
)

// target is what a program is built for.
type target struct {
	os, arch string // GOOS and GOARCH
	variant  string // of the platform: v7 for GOARM=7
	env      string // what sets the instruction set, so that the builder's environment does not
	deb, rpm string // the architecture's names in Debian and in RPM
}

func (t target) String() string {
	if t.variant == "" {
		return t.os + "/" + t.arch
	}
	return t.os + "/" + t.arch + "/" + t.variant
}

// platform returns the platform of the image for the target.
func (t target) platform() manifest.Platform {
	return manifest.Platform{OS: t.os, Architecture: t.arch, Variant: t.variant}
}

// allTargets returns everything that a release is built for.
func allTargets() []target {
	return []target{
		{os: "linux", arch: "amd64", env: "GOAMD64=v1", deb: "amd64", rpm: "x86_64"},
		{os: "linux", arch: "arm64", env: "GOARM64=v8.0", deb: "arm64", rpm: "aarch64"},
		{os: "linux", arch: "arm", variant: "v7", env: "GOARM=7", deb: "armhf", rpm: "armv7hl"},
		{os: "linux", arch: "386", env: "GO386=sse2", deb: "i386", rpm: "i686"},
		{os: "linux", arch: "ppc64le", env: "GOPPC64=power8", deb: "ppc64el", rpm: "ppc64le"},
		{os: "linux", arch: "s390x", deb: "s390x", rpm: "s390x"},
		{os: "linux", arch: "riscv64", env: "GORISCV64=rva20u64", deb: "riscv64", rpm: "riscv64"},
		{os: "linux", arch: "loong64", deb: "loong64", rpm: "loongarch64"},
		{os: "darwin", arch: "amd64", env: "GOAMD64=v1"},
		{os: "darwin", arch: "arm64", env: "GOARM64=v8.0"},
		{os: "windows", arch: "amd64", env: "GOAMD64=v1"},
		{os: "windows", arch: "arm64", env: "GOARM64=v8.0"},
		{os: "freebsd", arch: "amd64", env: "GOAMD64=v1"},
	}
}

// hostTarget returns this machine, whose program writes the completions and the image.
func hostTarget() target { return target{os: runtime.GOOS, arch: runtime.GOARCH} }

// program is a built program.
type program struct {
	target
	path string
}

// base returns the program's file name.
func (p program) base() string {
	if p.os == "windows" {
		return "transship.exe"
	}
	return "transship"
}

// compile builds the program for a target. The commit and its time are recorded in it by the go
// command; GOFLAGS of the environment must not change the bytes.
func (r *release) compile(ctx context.Context, t target) (program, error) {
	dir := filepath.Join(r.work, "programs", r.name(t))
	p := program{target: t}
	p.path = filepath.Join(dir, p.base())
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=true", "-ldflags=-s -w",
		"-o", p.path, "./cmd/transship")
	build.Dir = r.source.dir
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off", "GOEXPERIMENT=",
		"GOFIPS140=off", "GOOS="+t.os, "GOARCH="+t.arch)
	if t.env != "" {
		build.Env = append(build.Env, t.env)
	}
	if output, err := build.CombinedOutput(); err != nil {
		return p, fmt.Errorf("go build for %s: %w\n%s", t, err, output)
	}
	return p, nil
}
