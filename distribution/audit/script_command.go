package audit

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
	if c.url.User != nil && c.Request.Headers.Get("Authorization") == "" {
		o.add("-u " + variable(p.input("user:password for "+c.url.Host, "USERPASS", c.url.Host)))
	}
	p.send(c, o)
	target := p.target(c)
	p.receive(c, o, target)
	if c.Status == 0 || c.Error != "" {
		o.after += " || :"
	}
	flags := "curl -sSg"
	if c.Status > 0 && c.Status < 400 {
		flags = "curl -sSfg"
	}
	lines := append([]string{o.before + flags}, o.options...)
	p.body.WriteString(strings.Join(append(lines, target+o.after), " \\\n  ") + "\n" + o.then)
}

// method says the method, where no other option does.
func (p *scriptWriter) method(c *scriptCall, o *curl) {
	switch {
	case c.Method == http.MethodHead:
		o.add("--head")
	case c.Method != http.MethodGet:
		o.add("-X " + c.Method)
	}
}

// send adds the body.
func (p *scriptWriter) send(c *scriptCall, o *curl) {
	switch {
	case c.Row == "token" && c.Method == http.MethodPost:
		for _, field := range p.form(c) {
			o.add("--data-urlencode " + quoted(field))
		}
		o.add("--data-urlencode " + `"refresh_token=$` + p.input("an identity token for "+c.url.Host, "IDENTITY", c.url.Host) + `"`)
	case c.Request.Bytes > 0:
		p.sendFile(c, o)
	case c.Method == http.MethodPost || c.Method == http.MethodPut || c.Method == http.MethodPatch:
		o.add("-H 'Content-Length: 0'")
	}
}

// sendFile adds a body that is a file, or the part of one that the headers say.
func (p *scriptWriter) sendFile(c *scriptCall, o *curl) {
	file := p.file(c.sent())
	if file == "" {
		file = variable(p.input("the file that call "+fmt.Sprint(c.Sequence)+" sends", "FILE", fmt.Sprint(c.Sequence)))
	}
	from, _, ok := strings.Cut(c.Request.Headers.Get("Content-Range"), "-")
	offset, err := strconv.ParseInt(from, 10, 64)
	if !ok && c.Method != http.MethodPatch || err != nil && ok {
		o.add("-T " + file)
		return
	}
	o.before = fmt.Sprintf("tail -c +%d %s | head -c %d | ", offset+1, file, c.Request.Bytes)
	o.add("--data-binary @-")
	if c.Request.Headers.Get("Content-Type") == "" {
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
			target = variable(p.host(c))
		}
		o.then += fmt.Sprintf("%s=$(location %s)\n", p.locationName(c), target)
	}
	file := p.file(c.fetched())
	switch {
	case c.Row == "token" && c.Status == http.StatusOK:
		p.helpers["token"] = true
		o.before = p.tokenName(c) + "=$("
		o.after = " | token)"
	case file != "" && c.Request.Headers.Get("Range") != "":
		p.resume(c, o, file)
	case file != "":
		o.add("-o " + file)
		p.check(c, o, file)
	case c.Method == http.MethodGet && c.Status == http.StatusOK:
		// It is to be read.
	default:
		o.add("-o /dev/null")
	}
}

// resume adds what comes to the part of the file that was there before.
func (p *scriptWriter) resume(c *scriptCall, o *curl, file string) {
	from, _, _ := strings.Cut(strings.TrimPrefix(c.Request.Headers.Get("Range"), "bytes="), "-")
	offset, err := strconv.ParseInt(from, 10, 64)
	if err != nil || offset < 0 {
		o.add("-o /dev/null")
		return
	}
	o.before = fmt.Sprintf("head -c %d %s >part\n", offset, file)
	o.after = " >>part"
	o.then += "mv part " + file + "\n"
	p.check(c, o, file)
}

// check has the file compared with its digest, unless the call was broken off.
func (p *scriptWriter) check(c *scriptCall, o *curl, file string) {
	if c.Error == "" {
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
	w.addVariable(p.host(c))
	w.add(c.url.EscapedPath())
	if c.url.RawQuery != "" {
		w.add("?")
		p.query(w, c, c.url.RawQuery)
	}
	return w.String()
}

// continued is the URL of an upload's call: where the session is, and what the
// call adds to its query.
func (p *scriptWriter) continued(c, from *scriptCall) string {
	location := variable(p.locationName(from))
	more := strings.TrimPrefix(c.url.RawQuery, from.location.RawQuery)
	if from.location.RawQuery != "" && more == c.url.RawQuery {
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
			what := fmt.Sprintf("the value of %s in call %d to %s", name, c.Sequence, c.url.Host)
			w.addVariable(p.input(what, "QUERY", name, fmt.Sprint(c.Sequence)))
		}
	}
}
