package record

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// elsewhere begins the paths of hosts other than the registry: /-/https/auth.docker.io/token.
const elsewhere = "/-/"

// front is a registry that passes its calls on to another one. The URLs in answers lead back to it.
type front struct {
	relay    *relay
	upstream *url.URL

	mu    sync.Mutex
	named map[string]bool // scheme://host of others that answers have named; no other host is called
}

// ServeHTTP implements http.Handler.
func (f *front) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	switch {
	case isPreface(in):
		f.relay.declinePreface(w, in, f.upstream.Scheme, f.upstream.Host)
		return
	case in.URL.Host != "" || in.Method == http.MethodConnect:
		f.relay.decline(w, in, in.URL, http.StatusBadRequest, "this is a registry, and no proxy: transship record -- COMMAND has one")
		return
	}
	to := f.target(in.URL)
	if !strings.EqualFold(to.Host, f.upstream.Host) && !f.relay.known.isToken(to) {
		// To the client a redirect leads to the same host, so that it sends its account or token again. To the
		// other host it would not (RFC 9110, section 15.4), and storage refuses two kinds of authorization.
		in.Header.Del("Authorization")
		in.Header.Del("Cookie")
	}
	f.relay.serve(w, in, destination{to, to.Host, func(resp *http.Response) { f.lead(resp, ownURL(in)) }})
}

// ownURL returns the URL under which a client has called.
func ownURL(in *http.Request) string {
	if in.TLS != nil {
		return "https://" + in.Host
	}
	return "http://" + in.Host
}

// target returns where a call goes: to the registry, or to another host that an answer has named.
func (f *front) target(u *url.URL) *url.URL {
	to := *u
	to.Scheme, to.Host = f.upstream.Scheme, f.upstream.Host
	rest, ok := strings.CutPrefix(u.EscapedPath(), elsewhere)
	scheme, rest, _ := strings.Cut(rest, "/")
	host, path, _ := strings.Cut(rest, "/")
	f.mu.Lock()
	defer f.mu.Unlock()
	if !ok || !f.named[scheme+"://"+host] {
		return &to
	}
	other, err := url.Parse(scheme + "://" + host + "/" + path)
	if err != nil { // the path has parsed before, and the host is one that parsed
		return &to
	}
	other.RawQuery, other.ForceQuery = u.RawQuery, u.ForceQuery
	return other
}

// link finds the URLs of a Link header (RFC 8288).
var link = regexp.MustCompile(`(<)([^>]*)(>)`)

// lead makes the URLs of an answer lead back to own, the URL that the client has called.
func (f *front) lead(resp *http.Response, own string) {
	replace := func(text string) string { return f.back(resp, own, text) }
	for _, name := range []string{"Location", "Content-Location"} {
		for i, value := range resp.Header.Values(name) {
			resp.Header[name][i] = replace(value)
		}
	}
	for i, value := range resp.Header.Values("Link") {
		resp.Header["Link"][i] = replaceURLs(link, value, replace)
	}
	for i, value := range resp.Header.Values("Www-Authenticate") {
		resp.Header["Www-Authenticate"][i] = replaceURLs(realm, value, replace)
	}
}

// replaceURLs replaces the second group of each match.
func replaceURLs(pattern *regexp.Regexp, text string, replace func(string) string) string {
	return pattern.ReplaceAllStringFunc(text, func(match string) string {
		m := pattern.FindStringSubmatch(match)
		return m[1] + replace(m[2]) + m[3]
	})
}

// back returns a URL of an answer as the client is to call it. A relative one of the registry leads
// back by itself, and so does one of own.
func (f *front) back(resp *http.Response, own, text string) string {
	relative, err := url.Parse(text)
	if err != nil {
		return text
	}
	u := resp.Request.URL.ResolveReference(relative)
	fromRegistry := strings.EqualFold(resp.Request.URL.Host, f.upstream.Host)
	switch {
	case !isHTTP(u), u.Scheme+"://"+u.Host == own, fromRegistry && !relative.IsAbs() && relative.Host == "":
		return text
	case strings.EqualFold(u.Host, f.upstream.Host):
		return own + u.RequestURI()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	remember(&f.named, u.Scheme+"://"+u.Host, true)
	return own + elsewhere + u.Scheme + "/" + u.Host + u.RequestURI()
}
