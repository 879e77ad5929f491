package main

import (
	"cmp"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// registry is one that runs.
type registry struct {
	name, version, url string
	process            *exec.Cmd
}

// program is how a registry is started: its arguments for a folder and a port.
type program struct {
	name, path string
	args       func(dir string, port int) ([]string, error)
}

// programs are the registries, each as its users run it with deletes allowed.
func (o *options) programs() []program {
	return []program{
		{"transship serve", o.serve, func(dir string, port int) ([]string, error) {
			return []string{"serve", "--writable", "--quiet", "--listen", address(port), filepath.Join(dir, "data")}, nil
		}},
		{"zot", o.zot, func(dir string, port int) ([]string, error) {
			storage := map[string]any{"rootDirectory": filepath.Join(dir, "data")}
			if o.commit {
				storage["commit"] = true
			}
			config, err := writeConfig(dir, map[string]any{
				"distSpecVersion": "1.1.1", "storage": storage,
				"http": map[string]string{"address": "127.0.0.1", "port": strconv.Itoa(port)},
				"log":  map[string]string{"level": "error"},
			})
			return []string{"serve", config}, err
		}},
		{"CNCF distribution", o.cncf, func(dir string, port int) ([]string, error) {
			config, err := writeConfig(dir, map[string]any{
				"version": 0.1, "log": map[string]any{"level": "error", "accesslog": map[string]bool{"disabled": true}},
				"storage": map[string]any{
					"filesystem": map[string]string{"rootdirectory": filepath.Join(dir, "data")},
					"delete":     map[string]bool{"enabled": true},
				},
				"http": map[string]any{"addr": address(port), "secret": "transship"},
			})
			return []string{"serve", config}, err
		}},
		{"olareg", o.olareg, func(dir string, port int) ([]string, error) {
			return []string{"serve", "--addr", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", filepath.Join(dir, "data"),
				"--api-delete", "--api-blob-delete"}, nil
		}},
	}
}

// writeConfig writes a configuration as JSON, which is YAML too.
func writeConfig(dir string, config map[string]any) (string, error) {
	text, err := json.Marshal(config)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "config.json")
	return file, os.WriteFile(file, text, 0o600)
}

// start starts all registries that have a program.
func (o *options) start(ctx context.Context, dir string) (all []*registry, err error) {
	for _, p := range o.programs() {
		if p.path == "" {
			continue
		}
		r, err := p.start(ctx, filepath.Join(dir, strconv.Itoa(len(all))))
		if err != nil {
			return all, fmt.Errorf("%s: %w", p.name, err)
		}
		all = append(all, r)
	}
	return all, nil
}

// start starts a registry in a folder, and returns once it answers.
func (p program) start(ctx context.Context, dir string) (*registry, error) {
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args, err := p.args(dir, port)
	if err != nil {
		return nil, err
	}
	path, err := exec.LookPath(p.path)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	r := &registry{name: p.name, version: version(path), url: "http://" + address(port)}
	r.process = exec.CommandContext(ctx, path, args...)
	r.process.Dir, r.process.Stdout, r.process.Stderr = dir, log, log
	r.process.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	if err := r.process.Start(); err != nil {
		return nil, err
	}
	if err := r.wait(ctx); err != nil {
		r.stop()
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("%w\n%s", err, text)
	}
	return r, nil
}

// version is that of the program's module, with the commit where the build has it.
func version(path string) string {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return cmp.Or(info.Main.Version, "(devel)")
}

// freePort returns a port of loopback that has no listener.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// wait returns once the registry answers.
func (r *registry) wait(ctx context.Context) error {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get(r.url + "/v2/")
		if err == nil {
			resp.Body.Close()
			return nil
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return fmt.Errorf("it does not answer: %w", err)
		}
	}
}

// stop ends the registry.
func (r *registry) stop() {
	_ = r.process.Process.Signal(syscall.SIGTERM)
	ended := time.AfterFunc(10*time.Second, func() { _ = r.process.Process.Kill() })
	defer ended.Stop()
	_ = r.process.Wait()
}
