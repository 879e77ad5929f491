package curl

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// method matches a method.
var method = regexp.MustCompile(`^[A-Z]+$`)

// command is a curl command.
type command struct {
	before  string // on the line, before curl
	options []string
	after   string // on the line, after the URL
	then    string // lines after it
}

func (o *command) add(options ...string) { o.options = append(o.options, options...) }

// command writes a call's command.
func (w *writer) command(c *call) {
	o := &command{}
	switch {
	case c.method == http.MethodHead:
		o.add("--head")
	case c.method != http.MethodGet:
		o.add("-X " + c.method)
	}
	o.add(w.headers(c)...)
	if c.hasUser && c.header("Authorization") == "" {
		o.add("-u " + expand(w.required("user:password for "+c.host, "USERPASS", c.host)))
	}
	w.addBody(o, c)
	target := w.target(c)
	w.addOutput(o, c, target)
	if c.failed {
		o.after += " || :"
	}
	flags := "curl -sSg"
	if c.status > 0 && c.status < 400 {
		flags = "curl -sSfg"
	}
	lines := append([]string{o.before + flags}, o.options...)
	w.body.WriteString(strings.Join(append(lines, target+o.after), " \\\n  ") + "\n" + o.then)
}

// addBody adds the request's body.
func (w *writer) addBody(o *command, c *call) {
	switch {
	case c.row == "token" && c.method == http.MethodPost:
		for _, field := range w.form(c) {
			o.add("--data-urlencode " + quote(field))
		}
		token := w.required("an identity token for "+c.host, "IDENTITY", c.host)
		o.add(`--data-urlencode "refresh_token=$` + token + `"`)
	case c.bytes > 0:
		w.addFile(o, c)
	case c.method == http.MethodPost || c.method == http.MethodPut || c.method == http.MethodPatch:
		o.add("-H 'Content-Length: 0'")
	}
}

// addFile adds a body from a file, or from the part of a file that Content-Range says.
func (w *writer) addFile(o *command, c *call) {
	file := w.file(c.sent)
	switch {
	case file == "":
		file = expand(w.required("the file that call "+fmt.Sprint(c.sequence)+" sends", "FILE", fmt.Sprint(c.sequence)))
	case w.unfetched[file] == nil && len(w.sources(c.sent)) == 0:
		w.unfetched[file] = c
	}
	from, _, ok := strings.Cut(c.header("Content-Range"), "-")
	offset, err := strconv.ParseInt(from, 10, 64)
	if !ok && c.method != http.MethodPatch || err != nil && ok {
		o.add("-T " + file)
		return
	}
	o.before = fmt.Sprintf("tail -c +%d %s | head -c %d | ", offset+1, file, c.bytes)
	o.add("--data-binary @-")
	if c.header("Content-Type") == "" {
		o.add("-H 'Content-Type:'") // by default curl sets that of a form
	}
}

// file returns the name of a digest's file, empty for no digest.
func (w *writer) file(digest string) string {
	algorithm, hex, ok := strings.Cut(digest, ":")
	if !ok {
		return ""
	}
	w.folders[algorithm] = true
	return "blobs/" + algorithm + "/" + hex
}

// addOutput says where the response goes.
func (w *writer) addOutput(o *command, c *call, target string) {
	if c.needsLocation {
		w.helpers["location"] = true
		o.add("-D headers")
		if w.uploadOpener(c) == nil && w.redirectedFrom(c) == nil {
			target = w.host(c)
		}
		o.then += fmt.Sprintf("%s=$(location %s)\n", w.locationVariable(c), target)
	}
	file := w.file(c.fetched)
	switch {
	case c.row == "token" && c.status == http.StatusOK:
		w.helpers["token"] = true
		o.before = w.tokenVariable(c) + "=$("
		o.after = " | token)"
	case file != "":
		w.saveAs(o, c, file)
	case c.method == http.MethodGet && c.status == http.StatusOK:
		// The user reads it.
	default:
		o.add("-o /dev/null")
	}
}

// saveAs writes the response to a file, a part of it at its offset, and checks the file's digest
// once it is complete.
func (w *writer) saveAs(o *command, c *call, file string) {
	if c.status == http.StatusPartialContent {
		o.before = fmt.Sprintf("{ dd bs=1 seek=%d count=0 conv=notrunc 2>/dev/null </dev/null; ", c.fetch.from)
		o.after = "; } 1<>" + file
	} else {
		o.add("-o " + file)
	}
	if c.completes {
		w.helpers["whole"] = true
		parts := strings.Split(file, "/")
		o.then += fmt.Sprintf("whole %s %s\n", parts[1], parts[2])
	}
}

// target returns a call's URL as a shell word.
func (w *writer) target(c *call) string {
	if from := w.redirectedFrom(c); from != nil && from.written {
		return expand(w.locationVariable(from))
	}
	if from := w.uploadOpener(c); from != nil {
		return w.uploadTarget(c, from)
	}
	path := &word{}
	path.add(c.escapedPath)
	if c.query != "" {
		path.add("?")
		w.addQuery(path, c, c.query)
	}
	return w.host(c) + path.String()
}

// uploadTarget returns the URL of a call of an upload session: the Location that from got, and what
// the call adds to its query.
func (w *writer) uploadTarget(c, from *call) string {
	location := expand(w.locationVariable(from))
	more := strings.TrimPrefix(c.query, from.location.query)
	if from.location.query != "" && more == c.query {
		more = "" // the query is not that of the location, so it is unknown what was added
	}
	if more = strings.TrimLeft(more, "&"); more == "" {
		return location
	}
	w.helpers["with"] = true
	query := &word{}
	w.addQuery(query, c, more)
	return `"$(with ` + location + " " + query.String() + `)"`
}

// addQuery adds a query to a word. Redacted values come from variables.
func (w *writer) addQuery(to *word, c *call, query string) {
	for i, pair := range strings.Split(query, "&") {
		if i > 0 {
			to.add("&")
		}
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case value != redacted && pair != redacted:
			to.add(pair)
		case name == "client_id":
			to.add(name + "=" + url.QueryEscape(w.clientID()))
		default:
			if value != "" {
				to.add(name + "=")
			}
			what := fmt.Sprintf("the value of %s in call %d to %s", name, c.sequence, c.host)
			to.addVariable(w.required(what, "QUERY", name, fmt.Sprint(c.sequence)))
		}
	}
}
