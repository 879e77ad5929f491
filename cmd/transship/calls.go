package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/hczjl/transship/distribution/wire"
)

// onCall is told of each call: by -v for people, and by the demo.
func (a *app) onCall() func(wire.Call) {
	if a.shared.onCall != nil {
		return a.shared.onCall
	}
	if !a.shared.verbose {
		return nil
	}
	return func(c wire.Call) { a.stderr.line("%s", callLine(c)) }
}

// callLine is a call for people.
func callLine(c wire.Call) string {
	status := fmt.Sprint(c.StatusCode)
	if c.StatusCode == 0 {
		status = "---"
	}
	line := fmt.Sprintf("%s %-5s %7.1fms %s", status, c.Method, float64(c.Duration.Microseconds())/1000, c.URL)
	if c.Sent > 0 {
		line += " sent " + formatBytes(c.Sent)
	}
	if c.Received > 0 {
		line += " received " + formatBytes(c.Received)
	}
	if c.Attempt > 1 {
		line += fmt.Sprintf(" attempt %d", c.Attempt)
	}
	if c.Err != nil {
		line += " " + oneLine(c.Err.Error())
	}
	return line
}

// onWait says why nothing moves, where a registry asks for a pause or fails. Calls that wait side by side are one pause.
func (a *app) onWait(w wire.Wait) {
	if w.For < time.Second || !a.shared.waitsLonger(w.Host, time.Now().Add(w.For)) {
		return
	}
	reason := "it does not answer"
	if w.StatusCode != 0 {
		reason = fmt.Sprintf("it answered %d %s", w.StatusCode, http.StatusText(w.StatusCode))
	}
	a.note("%s: %s; trying again in %s", w.Host, reason, w.For.Round(time.Second))
}

// waitsLonger notes how long a host is waited for, and tells whether that is news.
func (s *shared) waitsLonger(host string, until time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if until.Before(s.waits[host].Add(time.Second)) {
		return false
	}
	if s.waits == nil {
		s.waits = map[string]time.Time{}
	}
	s.waits[host] = until
	return true
}
