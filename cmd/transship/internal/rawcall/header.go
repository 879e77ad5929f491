package rawcall

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/wire"
)

// headers is the value of --header. Its errors never quote a value, which may be a key.
type headers http.Header

// String implements flag.Value.
func (h headers) String() string { return "" }

// Set implements flag.Value.
func (h headers) Set(text string) error {
	name, value, ok := strings.Cut(text, ":")
	if name = strings.TrimSpace(name); !ok || name == "" || strings.ContainsFunc(name, isNoTokenChar) {
		return errors.New("want 'Name: value'")
	}
	if value = strings.TrimSpace(value); strings.ContainsFunc(value, isControl) {
		return fmt.Errorf("the value of %s has a control character", name)
	}
	switch name = http.CanonicalHeaderKey(name); name {
	case "Authorization", "Proxy-Authorization":
		return fmt.Errorf("%s is sent for the account that --creds gives, or that is logged in", name)
	case "Host", "Content-Length", "Transfer-Encoding", "Connection", "Trailer", "Upgrade", "Te", "Expect":
		return fmt.Errorf("%s is set by the program", name)
	}
	http.Header(h).Add(name, value)
	return nil
}

// isNoTokenChar reports whether r may not be in a header's name (RFC 9110, section 5.6.2).
func isNoTokenChar(r rune) bool {
	isLetter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	return !isLetter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// printHeader prints the status line and headers of a response, without their secrets, and an empty
// line.
func printHeader(out io.Writer, resp *http.Response) {
	shown := wire.RedactHeader(resp.Header)
	if location := resp.Header.Get("Location"); isOwnUpload(resp) {
		shown.Set("Location", location)
	}
	line := func(text string) { fmt.Fprintln(out, cli.OneLine(auth.Redact(resp, text))) }
	line(resp.Proto + " " + resp.Status)
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		for _, value := range shown[name] {
			line(name + ": " + value)
		}
	}
	fmt.Fprintln(out)
}

// isOwnUpload reports whether the Location of a response is that of an upload session on the host
// that has answered a call for one. Its query is the session's state, which the next call needs.
func isOwnUpload(resp *http.Response) bool {
	kind := endpoint.Parse(resp.Request.URL.Path).Kind
	to, err := resp.Location()
	return err == nil && resp.StatusCode/100 == 2 && to.Host == resp.Request.URL.Host && to.User == nil &&
		(kind == endpoint.KindUploads || kind == endpoint.KindSession)
}
