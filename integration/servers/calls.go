package servers

import (
	"bufio"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Call is one request that a server has answered.
type Call struct {
	Method string
	Path   string // escaped as it came, without the query
	Query  string // raw, without the question mark
	Status int
}

// String is the call as one line: method, path, query and status.
func (c Call) String() string {
	path := c.Path
	if c.Query != "" {
		path += "?" + c.Query
	}
	return fmt.Sprintf("%s %s %d", c.Method, path, c.Status)
}

// Param is the first value of a parameter of the query, unescaped.
func (c Call) Param(name string) string {
	values, _ := url.ParseQuery(c.Query)
	return values.Get(name)
}

// Calls are requests in the order in which they ended.
type Calls []Call

// String lists the calls, one a line, for the message of a failed test.
func (cs Calls) String() string {
	var b strings.Builder
	for _, c := range cs {
		fmt.Fprintln(&b, c)
	}
	return b.String()
}

// With are the calls of a method (or of any, if it is empty) whose path contains part.
func (cs Calls) With(method, part string) Calls {
	var found Calls
	for _, c := range cs {
		if (method == "" || c.Method == method) && strings.Contains(c.Path, part) {
			found = append(found, c)
		}
	}
	return found
}

// combined is a line of an access log in Apache's combined format, the query as part of the request.
var combined = regexp.MustCompile(`^\S+ \S+ \S+ \[[^]]*\] "(\S+) (\S+) (\S+)" (\d+) \d+ "(?:[^"\\]|\\.)*" "((?:[^"\\]|\\.)*)"`)

// entry is a line of an access log.
type entry struct {
	Call
	protocol string // such as HTTP/1.1
	agent    string
}

// parseEntry reads a line. Other lines than those of an access log give false.
func parseEntry(line string) (entry, bool) {
	m := combined.FindStringSubmatch(line)
	if m == nil {
		return entry{}, false
	}
	path, query, _ := strings.Cut(m[2], "?")
	status, _ := strconv.Atoi(m[4]) // the expression admits digits only
	return entry{Call{m[1], path, query, status}, m[3], m[5]}, true
}

// readEntries reads an access log. A last line without an end is still being written and is left out.
func readEntries(t testing.TB, file string) []entry {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = text[:strings.LastIndexByte(string(text), '\n')+1]
	var all []entry
	for lines := bufio.NewScanner(strings.NewReader(string(text))); lines.Scan(); {
		if e, ok := parseEntry(lines.Text()); ok {
			all = append(all, e)
		}
	}
	return all
}

// accessLog is the access log of a server.
type accessLog struct {
	file   string
	settle func(testing.TB) // waits until every answered request has its line
	skip   int              // entries that ForgetCalls has dropped
}

// Calls lists what clients have asked since the start or the last ForgetCalls, without the harness's own requests. Every
// call whose answer a client has seen is in it.
func (l *accessLog) Calls(t testing.TB) Calls {
	t.Helper()
	l.settle(t)
	var calls Calls
	for _, e := range readEntries(t, l.file)[l.skip:] {
		if e.agent != harness {
			calls = append(calls, e.Call)
		}
	}
	return calls
}

// ForgetCalls makes Calls begin anew.
func (l *accessLog) ForgetCalls(t testing.TB) {
	t.Helper()
	l.settle(t)
	l.skip = len(readEntries(t, l.file))
}

// Protocols lists the protocol of each of Calls, such as HTTP/1.1 or HTTP/2.0.
func (l *accessLog) Protocols(t testing.TB) []string {
	t.Helper()
	l.settle(t)
	var protocols []string
	for _, e := range readEntries(t, l.file)[l.skip:] {
		if e.agent != harness {
			protocols = append(protocols, e.protocol)
		}
	}
	return protocols
}
