package pages

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/hczjl/transship/integration/servers"
)

// browser is a Chromium without a window, and one page in it. It is told what to do by the DevTools protocol, over two pipes
// (https://chromedevtools.github.io/devtools-protocol/).
type browser struct {
	to      io.Writer
	from    *bufio.Reader
	calls   int
	session string
}

// startBrowser starts a Chromium, which is too large to be installed for every run of the tests.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	if os.Getenv("TRANSSHIP_PAGES") == "" {
		t.Skip("make pages runs this")
	}
	path := servers.Find(t, "chromium", "chromium")
	theirs, to := pipe(t)
	from, itsOwn := pipe(t)
	// A process of root has no sandbox. The pages are those that the test has made.
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{theirs, itsOwn} // its descriptors 3 and 4
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	itsOwn.Close()
	b := &browser{to: to, from: bufio.NewReader(from)}
	t.Cleanup(func() {
		_, _ = b.send("Browser.close", nil) // it may have ended before
		if err := cmd.Wait(); err != nil {
			t.Logf("chromium: %v\n%s", err, said.Bytes())
		}
	})
	var target struct{ TargetID string }
	b.call(t, "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call(t, "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	return b
}

// pipe returns the two ends of a pipe, which are closed with the test.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// call calls a method and decodes its result into to.
func (b *browser) call(t *testing.T, method string, params map[string]any, to any) {
	t.Helper()
	result, err := b.send(method, params)
	if err == nil && to != nil {
		err = json.Unmarshal(result, to)
	}
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
}

// send calls a method and returns its result.
func (b *browser) send(method string, params map[string]any) (json.RawMessage, error) {
	b.calls++
	request := map[string]any{"id": b.calls, "method": method, "params": params}
	if b.session != "" && method != "Browser.close" {
		request["sessionId"] = b.session
	}
	text, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	if _, err := b.to.Write(append(text, 0)); err != nil {
		return nil, err
	}
	for {
		text, err := b.from.ReadBytes(0)
		if err != nil {
			return nil, err
		}
		var answer struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if err := json.Unmarshal(bytes.TrimRight(text, "\x00"), &answer); err != nil {
			return nil, err
		}
		switch {
		case answer.ID != b.calls: // an event
		case answer.Error != nil:
			return nil, fmt.Errorf("chromium says: %s", answer.Error.Message)
		default:
			return answer.Result, nil
		}
	}
}

// show loads a page in a window of a width in pixels, with a color scheme, and returns what the script finds.
func (b *browser) show(t *testing.T, url string, width int, scheme, script string) (found []string) {
	t.Helper()
	window := map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false}
	b.call(t, "Emulation.setDeviceMetricsOverride", window, nil)
	media := []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}
	b.call(t, "Emulation.setEmulatedMedia", map[string]any{"features": media}, nil)
	var gone struct{ ErrorText string }
	b.call(t, "Page.navigate", map[string]any{"url": url}, &gone)
	if gone.ErrorText != "" {
		t.Fatalf("%s: %s", url, gone.ErrorText)
	}
	const loaded = `new Promise(done => document.readyState === "complete" ? done() : addEventListener("load", done))`
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	expression := loaded + ".then(() => { return (" + script + ")() })"
	b.call(t, "Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &answer)
	if answer.ExceptionDetails != nil {
		t.Fatalf("%s: %s", url, answer.ExceptionDetails)
	}
	if err := json.Unmarshal(answer.Result.Value, &found); err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return found
}
