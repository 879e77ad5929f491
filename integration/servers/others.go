package servers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// Olareg starts olareg from its program, open to everybody, with every API.
func Olareg(t testing.TB, program string) Endpoint {
	t.Helper()
	dir := t.TempDir()
	return startOther(t, dir, func(port int) *exec.Cmd {
		return exec.Command(program, "serve", "--addr", "127.0.0.1", "--port", strconv.Itoa(port),
			"--dir", filepath.Join(dir, "data"), "--api-delete", "--api-blob-delete")
	})
}

// Zot starts zot from its program, open to everybody.
func Zot(t testing.TB, program string) Endpoint {
	t.Helper()
	dir := t.TempDir()
	return startOther(t, dir, func(port int) *exec.Cmd {
		raw, err := json.Marshal(object{
			"storage": object{"rootDirectory": filepath.Join(dir, "data")},
			"http":    object{"address": "127.0.0.1", "port": strconv.Itoa(port)},
			"log":     object{"level": "error"},
		})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "config.json")
		if err := os.WriteFile(file, raw, 0o644); err != nil {
			t.Fatal(err)
		}
		return exec.Command(program, "serve", file)
	})
}

// startOther starts a registry that a command serves on a port.
func startOther(t testing.TB, dir string, command func(port int) *exec.Cmd) Endpoint {
	t.Helper()
	var e Endpoint
	s := service{dir: dir, ports: 1, command: func(ports []int) *exec.Cmd { return command(ports[0]) }}
	s.ready = func(ports []int) error {
		host := loopback(ports[0])
		e = Endpoint{Host: host, URL: "http://" + host, Client: &http.Client{Transport: transport{base: http.DefaultTransport}}}
		resp, err := e.Client.Get(e.URL + "/v2/")
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("GET %s/v2/: %s", e.URL, resp.Status)
		}
		return nil
	}
	s.start(t)
	return e
}
