package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
)

// maxRedirects is how many redirects one request may take.
const maxRedirects = 10

// RedirectRules decides where a registry may redirect its client. It refuses
//
//   - a scheme other than http and https,
//   - http after https, unless both hosts are loopback,
//   - from a public host, an address of the local machine or of a private or link-local network
//     (also localhost, shared address space, and numbers that a resolver may read as an address),
//     since the request would be sent into a network that the public host itself cannot reach.
//
// A public host is a public IP address, or a name whose addresses are all public. A registry on a
// private network may redirect within it. Names of targets are not resolved: object stores of a
// private network have names.
type RedirectRules struct {
	// Resolver looks up the name of a host that redirects to an internal address. No other name is
	// looked up. Nil means net.DefaultResolver.
	Resolver Resolver
}

// Resolver finds the addresses of a name. *net.Resolver is one.
type Resolver interface {
	// LookupNetIP returns the addresses of host. network is "ip", for IPv4 and IPv6.
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// RedirectError is the error for a redirect, or the Location of an upload, that was refused.
type RedirectError struct {
	From   string // host that redirects, with its port if the URL has one
	To     string // target URL, as Redact shows it
	Reason string
	Err    error // of the lookup of From, else nil
}

// Error names both ends and the reason.
func (e *RedirectError) Error() string {
	text := fmt.Sprintf("%s redirects to %s: refused, %s", e.From, e.To, e.Reason)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the error of the lookup, if there is one.
func (e *RedirectError) Unwrap() error { return e.Err }

// CheckRedirect is for http.Client's field of that name. It allows 10 redirects, none of which may
// turn a write into a GET, as 301, 302 and 303 do (RFC 9110, section 15.4), and calls Check with the
// target and every earlier URL of the request, so that no public host leads into a private
// network through another host. It removes the Referer header that net/http adds, since the next
// host must not see a signed URL. A refusal is a *RedirectError.
func (r RedirectRules) CheckRedirect(req *http.Request, via []*http.Request) error {
	req.Header.Del("Referer")
	reason := ""
	switch first := via[0].Method; {
	case len(via) > maxRedirects:
		reason = fmt.Sprintf("it would be redirect %d of one request", len(via))
	case req.Method != first:
		reason = fmt.Sprintf("it would turn the %s into a %s", first, req.Method)
	}
	if reason != "" {
		return &RedirectError{From: via[len(via)-1].URL.Host, To: Redact(req.URL), Reason: reason}
	}
	for _, hop := range via {
		if err := r.Check(req.Context(), hop.URL, req.URL); err != nil {
			return err
		}
	}
	return nil
}

// Check returns nil if the registry at from may lead the client to the absolute URL to, by a
// redirect or as the Location of an upload, and a *RedirectError otherwise. If a proxy has set the
// wrong scheme in a Location, the caller must correct it first.
func (r RedirectRules) Check(ctx context.Context, from, to *url.URL) error {
	refuse := func(reason string, err error) error {
		return &RedirectError{From: from.Host, To: Redact(to), Reason: reason, Err: err}
	}
	if to.Scheme != "https" && to.Scheme != "http" {
		return refuse("only http and https are followed", nil)
	}
	if from.Scheme == "https" && to.Scheme == "http" && !(IsLoopback(from.Hostname()) && IsLoopback(to.Hostname())) {
		return refuse("it leads from https to plain http", nil)
	}
	if !isInternalHost(to.Hostname()) {
		return nil
	}
	public, err := r.isPublic(ctx, from.Hostname())
	if err != nil {
		return refuse("it leads to an internal address, and the host that redirects cannot be looked up", err)
	}
	if public {
		return refuse("a public host must not lead to an internal address", nil)
	}
	return nil
}

// isPublic reports whether all addresses of host are public.
func (r RedirectRules) isPublic(ctx context.Context, host string) (bool, error) {
	if a, ok := address(host); ok {
		return !isInternal(a), nil
	}
	if isInternalHost(host) {
		return false, nil
	}
	var resolver Resolver = net.DefaultResolver
	if r.Resolver != nil {
		resolver = r.Resolver
	}
	addresses, err := resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return false, err
	}
	for _, a := range addresses {
		if isInternal(a.Unmap()) {
			return false, nil
		}
	}
	if len(addresses) == 0 {
		return false, errors.New("it has no address")
	}
	return true, nil
}

// redirectTarget returns the URL that resp redirects to, nil if it is no redirect.
func redirectTarget(resp *http.Response) *url.URL {
	if resp.StatusCode/100 != 3 {
		return nil
	}
	to, err := resp.Location()
	if err != nil {
		return nil
	}
	return to
}
