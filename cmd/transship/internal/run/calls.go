package run

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/wire"
)

// reporter returns a function that passes a call on to the audit, to MeasureCall and to PrintCall
// or --verbose, nil if there is none of them.
func (r *Run) reporter() func(wire.Call) {
	var all []func(wire.Call)
	if r.recording.writer != nil {
		all = append(all, r.recording.write)
	}
	if r.MeasureCall != nil {
		all = append(all, r.MeasureCall)
	}
	switch {
	case r.PrintCall != nil:
		all = append(all, r.PrintCall)
	case r.headers:
		all = append(all, func(c wire.Call) { fmt.Fprint(r.Stderr, callLine(c)+"\n"+headerLines(c)) })
	case r.Verbose:
		all = append(all, func(c wire.Call) { r.Stderr.Line("%s", callLine(c)) })
	}
	if len(all) == 0 {
		return nil
	}
	return func(c wire.Call) {
		for _, report := range all {
			report(c)
		}
	}
}

// headerLines returns a call's headers as curl -v prints them, request (>) before response (<).
func headerLines(c wire.Call) string {
	var b strings.Builder
	for _, message := range []struct {
		mark   string
		header http.Header
	}{{">", c.RequestHeader}, {"<", c.ResponseHeader}} {
		for _, name := range slices.Sorted(maps.Keys(message.header)) {
			for _, value := range message.header[name] {
				fmt.Fprintf(&b, "  %s %s: %s\n", message.mark, cli.OneLine(name), cli.OneLine(value))
			}
		}
	}
	return b.String()
}

// callLine returns a call as a line of text.
func callLine(c wire.Call) string {
	status := fmt.Sprint(c.StatusCode)
	if c.StatusCode == 0 {
		status = "---"
	}
	line := fmt.Sprintf("%s %-5s %7.1fms %s", status, c.Method, float64(c.Duration.Microseconds())/1000, c.URL)
	if c.Sent > 0 {
		line += " sent " + cli.FormatBytes(c.Sent)
		if c.Congestion != "" {
			line += " with " + c.Congestion
		}
	}
	if c.Received > 0 {
		line += " received " + cli.FormatBytes(c.Received)
	}
	if c.Attempt > 1 {
		line += fmt.Sprintf(" attempt %d", c.Attempt)
	}
	if c.Err != nil {
		line += " " + cli.OneLine(c.Err.Error())
	}
	return line
}

// onTokenServer prints that credentials go to another host than the registry's.
func (r *Run) onTokenServer(registry, tokenServer string) {
	r.Stderr.Line("the credentials for %s go to its token server %s", cli.RegistryName(registry), tokenServer)
}

// onWait prints why calls to a host wait for a second or more, or have waited for an answer that did not come. It
// prints one line if several calls wait at the same time.
func (r *Run) onWait(w wire.RetryWait) {
	timeout := wire.IsTimeout(w.Err)
	if w.Duration < time.Second && !timeout || !r.waits.extend(w.Host, time.Now().Add(w.Duration)) {
		return
	}
	if timeout {
		r.Note("%s; retrying", cli.OneLine(w.Err.Error())) // it has the host
		return
	}
	reason := "no answer"
	if w.StatusCode != 0 {
		reason = fmt.Sprintf("answer %d %s", w.StatusCode, http.StatusText(w.StatusCode))
	}
	r.Note("%s: %s; retrying in %s", w.Host, reason, w.Duration.Round(time.Second))
}

// waits has the end of the last printed wait by host.
type waits struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// extend sets the end of a host's wait and reports whether it is to be printed: it is at least a
// second later than the last one.
func (w *waits) extend(host string, until time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if until.Before(w.until[host].Add(time.Second)) {
		return false
	}
	if w.until == nil {
		w.until = map[string]time.Time{}
	}
	w.until[host] = until
	return true
}
