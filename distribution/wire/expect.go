package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// ExpectedCalls is a list of the calls that a run makes, in levels: the calls of one level may come
// in any order, and those of the next after all of them. ParseExpectation makes one. It counts the
// calls of one run, under the lock of Rules.
type ExpectedCalls struct {
	levels  [][]*expectedCall
	current int // index of the level of the last call
}

// expectedCall is one line of the list.
type expectedCall struct {
	line    int
	text    string
	pattern callPattern
	atLeast int
	atMost  int // -1 for any number
	made    int
}

// ExpectError is the error for a line of a list that cannot be read.
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
// In a path and in the values of a query {name} matches a repository's name, {digest}, {tag} and
// {session} one of these, and * anything. HOST is a [HostPattern]; without it any host matches.
// Each parameter of QUERY must be in the call, which may have more. The call is made once, N times,
// or (*) any number of times. A line that is empty or "---" ends a level, # begins a comment. The
// error for any other line, and for a list without a call, is an *[ExpectError].
func ParseExpectation(r io.Reader) (*ExpectedCalls, error) {
	e := &ExpectedCalls{}
	var level []*expectedCall
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
		text, commented := cutComment(scanner.Text())
		switch {
		case text == "" && commented:
		case text == "", text == "---":
			end()
		default:
			x, err := parseExpectedCall(text)
			if err != nil {
				return nil, &ExpectError{n, err}
			}
			x.line = n
			level = append(level, x)
		}
	}
	err := scanner.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = fmt.Errorf("it is longer than %d bytes", bufio.MaxScanTokenSize)
	}
	if err != nil {
		return nil, &ExpectError{n + 1, err}
	}
	if end(); len(e.levels) == 0 {
		return nil, &ExpectError{max(n, 1), errors.New("the list ends without a call")}
	}
	return e, nil
}

// cutComment returns a line without its comment, and whether it had one.
func cutComment(line string) (text string, commented bool) {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "#") {
		return "", true
	}
	text, _, commented = strings.Cut(line, " #")
	return strings.TrimSpace(text), commented
}

// parseExpectedCall reads a line that is not empty.
func parseExpectedCall(text string) (*expectedCall, error) {
	words := strings.Fields(text)
	x := &expectedCall{text: text, atLeast: 1, atMost: 1}
	var err error
	switch len(words) {
	case 2:
	case 3:
		x.text = words[0] + " " + words[1]
		if x.atLeast, x.atMost, err = parseTimes(words[2]); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("want METHOD PATH and an optional count, got %q", abbreviate(text))
	}
	x.pattern, err = parseCallPattern(words[0], words[1])
	return x, err
}

// abbreviate cuts a text down to what a message has room for.
func abbreviate(text string) string {
	const room = 80
	if len(text) <= room {
		return text
	}
	return text[:room] + "..."
}

// parseTimes reads how often a call is made.
func parseTimes(word string) (atLeast, atMost int, err error) {
	if word == "*" {
		return 0, -1, nil
	}
	digits, ok := strings.CutPrefix(word, "x")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 1 {
		return 0, 0, fmt.Errorf("%q is not a count: want x and a number, such as x3, or * for any", abbreviate(word))
	}
	return n, n, nil
}

// match counts a call. It returns why the call is not expected, "" if it is. An attempt that Retry
// repeats for a transient reason need not be listed a second time. A nil list expects every call.
func (e *ExpectedCalls) match(req *http.Request) string {
	if e == nil {
		return ""
	}
	for i := e.current; i < len(e.levels); i++ {
		if x := bestMatch(e.levels[i], req, (*expectedCall).hasRoom); x != nil {
			x.made++
			e.current = i
			return ""
		}
		if firstMissing(e.levels[i:i+1]) != nil {
			break
		}
	}
	if Attempt(req.Context()) > 1 {
		for _, level := range e.levels[:min(e.current+1, len(e.levels))] {
			if bestMatch(level, req, (*expectedCall).wasMade) != nil {
				return ""
			}
		}
	}
	if x := firstMissing(e.levels[min(e.current, len(e.levels)):]); x != nil {
		return fmt.Sprintf("it is not expected; expected is line %d, %s", x.line, x.text)
	}
	return "it is not expected; no more calls are"
}

// hasRoom reports whether the call may be made once more.
func (x *expectedCall) hasRoom() bool { return x.atMost < 0 || x.made < x.atMost }

func (x *expectedCall) wasMade() bool { return x.made > 0 }

// bestMatch returns the line with the most precise pattern that matches a call, among those that
// are usable.
func bestMatch(level []*expectedCall, req *http.Request, usable func(*expectedCall) bool) (best *expectedCall) {
	for _, x := range level {
		if usable(x) && x.pattern.matches(req.Method, req.URL) && (best == nil || x.pattern.literal > best.pattern.literal) {
			best = x
		}
	}
	return best
}

// firstMissing returns the first line whose call was not made often enough.
func firstMissing(levels [][]*expectedCall) *expectedCall {
	for _, level := range levels {
		for _, x := range level {
			if x.made < x.atLeast {
				return x
			}
		}
	}
	return nil
}

// Missing returns an error for the first call that was expected and not made, nil if all were made.
// Call it at the end of a run that succeeded.
func (r *PolicyRules) Missing() *PolicyError {
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
		Reason: fmt.Sprintf("line %d, %s, was made %d of %d times", x.line, x.text, x.made, x.atLeast),
	}
}
