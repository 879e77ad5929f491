package curl

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// methodText matches a method.
var methodText = regexp.MustCompile(`^[A-Z]+$`)

// curl is a command being put together.
type curl struct {
	before  string // on the line, before curl
	options []string
	after   string // on the line, behind the URL
	then    string // lines after it
}

func (o *curl) add(options ...string) { o.options = append(o.options, options...) }

// command writes a call's command.
func (p *scriptWriter) command(c *scriptCall) {
	o := &curl{}
	p.method(c, o)
	o.add(p.headers(c)...)
	if c.hasUser && c.header("Authorization") == "" {
		o.add("-u " + variable(p.input("user:password for "+c.host, "USERPASS", c.host)))
	}
	p.send(c, o)
	target := p.target(c)
	p.receive(c, o, target)
	if c.failed {
		o.after += " || :"
	}
	flags := "curl -sSg"
	if c.status > 0 && c.status < 400 {
		flags = "curl -sSfg"
	}
	lines := append([]string{o.before + flags}, o.options...)
	p.body.WriteString(strings.Join(append(lines, target+o.after), " \\\n  ") + "\n" + o.then)
}

// method says the method, where no other option does.
func (p *scriptWriter) method(c *scriptCall, o *curl) {
	switch {
	case c.method == http.MethodHead:
		o.add("--head")
	case c.method != http.MethodGet:
		o.add("-X " + c.method)
	}
}

// send adds the body.
func (p *scriptWriter) send(c *scriptCall, o *curl) {
	switch {
	case c.row == "token" && c.method == http.MethodPost:
		for _, field := range p.form(c) {
			o.add("--data-urlencode " + quoted(field))
		}
		o.add("--data-urlencode " + `"refresh_token=$` + p.input("an identity token for "+c.host, "IDENTITY", c.host) + `"`)
	case c.bytes > 0:
		p.sendFile(c, o)
	case c.method == http.MethodPost || c.method == http.MethodPut || c.method == http.MethodPatch:
		o.add("-H 'Content-Length: 0'")
	}
}

// sendFile adds a body that is a file, or the part of one that the headers say.
func (p *scriptWriter) sendFile(c *scriptCall, o *curl) {
	file := p.file(c.sent)
	if file == "" {
		file = variable(p.input("the file that call "+fmt.Sprint(c.sequence)+" sends", "FILE", fmt.Sprint(c.sequence)))
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
		o.add("-H 'Content-Type:'") // curl's own would say that it is a form
	}
}

// file is the name of a digest's file, empty where there is none.
func (p *scriptWriter) file(digest string) string {
	algorithm, hex, ok := strings.Cut(digest, ":")
	if !ok {
		return ""
	}
	p.folders[algorithm] = true
	return "blobs/" + algorithm + "/" + hex
}

// receive says where the answer goes.
func (p *scriptWriter) receive(c *scriptCall, o *curl, target string) {
	if c.wanted {
		p.helpers["location"] = true
		o.add("-D headers")
		if p.opener(c) == nil && p.redirected(c) == nil {
			target = p.host(c)
		}
		o.then += fmt.Sprintf("%s=$(location %s)\n", p.locationName(c), target)
	}
	file := p.file(c.fetched)
	switch {
	case c.row == "token" && c.status == http.StatusOK:
		p.helpers["token"] = true
		o.before = p.tokenName(c) + "=$("
		o.after = " | token)"
	case file != "":
		p.save(c, o, file)
	case c.method == http.MethodGet && c.status == http.StatusOK:
		// It is to be read.
	default:
		o.add("-o /dev/null")
	}
}

// save puts what comes into a file, a part of it into its place, and has the
// file compared with its digest when no part is missing.
func (p *scriptWriter) save(c *scriptCall, o *curl, file string) {
	if c.status == http.StatusPartialContent {
		o.before = fmt.Sprintf("{ dd bs=1 seek=%d count=0 conv=notrunc 2>/dev/null </dev/null; ", c.piece.from)
		o.after = "; } 1<>" + file
	} else {
		o.add("-o " + file)
	}
	if c.completes {
		p.helpers["whole"] = true
		parts := strings.Split(file, "/")
		o.then += fmt.Sprintf("whole %s %s\n", parts[1], parts[2])
	}
}

// target is a call's URL.
func (p *scriptWriter) target(c *scriptCall) string {
	if from := p.redirected(c); from != nil && from.written {
		return variable(p.locationName(from))
	}
	if from := p.opener(c); from != nil {
		return p.continued(c, from)
	}
	w := &word{}
	w.add(c.escaped)
	if c.query != "" {
		w.add("?")
		p.query(w, c, c.query)
	}
	return p.host(c) + w.String()
}

// continued is the URL of an upload's call: where the session is, and what the
// call adds to its query.
func (p *scriptWriter) continued(c, from *scriptCall) string {
	location := variable(p.locationName(from))
	more := strings.TrimPrefix(c.query, from.location.query)
	if from.location.query != "" && more == c.query {
		more = "" // another query than that of the location: nothing is known of it
	}
	if more = strings.TrimLeft(more, "&"); more == "" {
		return location
	}
	p.helpers["with"] = true
	w := &word{}
	p.query(w, c, more)
	return `"$(with ` + location + " " + w.String() + `)"`
}

// query adds a query. Values that were left out of the record are variables.
func (p *scriptWriter) query(w *word, c *scriptCall, raw string) {
	for i, pair := range strings.Split(raw, "&") {
		if i > 0 {
			w.add("&")
		}
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case value != redactedValue && pair != redactedValue:
			w.add(pair)
		case name == "client_id":
			w.add(name + "=" + url.QueryEscape(p.clientID()))
		default:
			if value != "" {
				w.add(name + "=")
			}
			what := fmt.Sprintf("the value of %s in call %d to %s", name, c.sequence, c.host)
			w.addVariable(p.input(what, "QUERY", name, fmt.Sprint(c.sequence)))
		}
	}
}
