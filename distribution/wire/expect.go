package wire

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Expectation is a list of the calls that a run makes, level after level: the
// calls of a level come in any order, and those of the next when all of them
// have been made. ParseExpectation makes one; it is used up by a run, under
// the lock of Rules.
type Expectation struct {
	levels [][]*expected
	at     int // the level being worked on
}

// expected is one line of the list.
type expected struct {
	line  int
	text  string
	call  template
	least int
	most  int // -1 for any number
	made  int
}

// ExpectError is a line of a list that cannot be read.
type ExpectError struct {
	Line int // from 1
	Err  error
}

// Error names the line.
func (e *ExpectError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns what is wrong with it.
func (e *ExpectError) Unwrap() error { return e.Err }

// ParseExpectation reads a list. A line is
//
//	METHOD [HOST]PATH[?QUERY] [xN|*]
//
// In a path and in the values of a query {name} stands for a repository's name,
// {digest}, {tag} and {session} for one of these, and * for anything. Without
// HOST, a [HostPattern], it is any; without QUERY too; of a query that is there
// each parameter must be, and there may be more. The call is made once, N
// times, or (*) any number of times. A line that is empty or "---" ends a
// level, # begins a comment. A line that is none of that is an *[ExpectError].
func ParseExpectation(r io.Reader) (*Expectation, error) {
	e := &Expectation{}
	var level []*expected
	end := func() {
		if len(level) > 0 {
			e.levels = append(e.levels, level)
		}
		level = nil
	}
	scanner := bufio.NewScanner(r)
	n := 0
	for scanner.Scan() {
		n++
		text, commented := withoutComment(scanner.Text())
		switch {
		case text == "" && commented:
		case text == "", text == "---":
			end()
		default:
			x, err := parseExpected(text)
			if err != nil {
				return nil, &ExpectError{n, err}
			}
			x.line = n
			level = append(level, x)
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, &ExpectError{n + 1, err}
	}
	end()
	return e, nil
}

// withoutComment returns a line without its comment, and whether it had one.
func withoutComment(line string) (text string, commented bool) {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "#") {
		return "", true
	}
	text, _, commented = strings.Cut(line, " #")
	return strings.TrimSpace(text), commented
}

// parseExpected reads a line that is not empty.
func parseExpected(text string) (*expected, error) {
	words := strings.Fields(text)
	x := &expected{text: text, least: 1, most: 1}
	var err error
	switch len(words) {
	case 2:
	case 3:
		x.text = words[0] + " " + words[1]
		if x.least, x.most, err = parseTimes(words[2]); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("want METHOD PATH, and perhaps how often, got %q", text)
	}
	x.call, err = parseTemplate(words[0], words[1])
	return x, err
}

// parseTimes reads how often a call is made.
func parseTimes(word string) (least, most int, err error) {
	if word == "*" {
		return 0, -1, nil
	}
	digits, ok := strings.CutPrefix(word, "x")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 1 {
		return 0, 0, fmt.Errorf("%q is not how often: want x and a number, such as x3, or * for any", word)
	}
	return n, n, nil
}

// take makes a call count, and returns why it is not one of the list's, empty
// if it is. An attempt that Retry makes once more for a passing reason need not
// be listed a second time. A nil list has every call.
func (e *Expectation) take(req *http.Request) string {
	if e == nil {
		return ""
	}
	for level := e.at; level < len(e.levels); level++ {
		if x := best(e.levels[level], req, false); x != nil {
			x.made++
			e.at = level
			return ""
		}
		if firstMissing(e.levels[level:level+1]) != nil {
			break
		}
	}
	if Attempt(req.Context()) > 1 {
		for level := range min(e.at+1, len(e.levels)) {
			if best(e.levels[level], req, true) != nil {
				return ""
			}
		}
	}
	if x := firstMissing(e.levels[min(e.at, len(e.levels)):]); x != nil {
		return fmt.Sprintf("it is not expected; line %d is, %s", x.line, x.text)
	}
	return "it is not expected, and nothing more is"
}

// best finds the line that a call is, the most precise one where there are
// several: one that has room for it, or (again) one that has been made.
func best(level []*expected, req *http.Request, again bool) (found *expected) {
	for _, x := range level {
		room := x.most < 0 || x.made < x.most
		if again {
			room = x.made > 0
		}
		if room && x.call.matches(req.Method, req.URL) && (found == nil || x.call.literal > found.call.literal) {
			found = x
		}
	}
	return found
}

// firstMissing returns the first line that has not been made often enough.
func firstMissing(levels [][]*expected) *expected {
	for _, level := range levels {
		for _, x := range level {
			if x.made < x.least {
				return x
			}
		}
	}
	return nil
}

// Missing returns an error for the first call that was expected and not made,
// nil if all were made. It is asked at the end of a run that went well.
func (r *Rules) Missing() *PolicyError {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Expect == nil {
		return nil
	}
	x := firstMissing(r.Expect.levels)
	if x == nil {
		return nil
	}
	return &PolicyError{
		Policy: "expect",
		Reason: fmt.Sprintf("line %d, %s, was made %d of %d times", x.line, x.text, x.made, x.least),
	}
}
