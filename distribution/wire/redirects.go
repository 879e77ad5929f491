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

// Redirects decides where a registry may send its client on to. It refuses
//
//   - a scheme other than http and https,
//   - http after https, unless both hosts are loopback,
//   - an address of the own machine or of a private or link-local network
//     (also localhost, shared address space, and numbers that a resolver may
//     take for an address) coming from a public host, since the request would
//     then be made inside a network that the public host itself cannot reach.
//
// A public host is a public IP address, or a name with public addresses only.
// A registry on a private network may redirect within it. Names as targets
// are not resolved: object stores of a private network are reached by them.
type Redirects struct {
	// Resolver looks up the name of a host that redirects to an internal
	// address, which is the only case in which a name is looked up. Nil means
	// net.DefaultResolver.
	Resolver Resolver
}

// Resolver finds the addresses of a name. *net.Resolver is one.
type Resolver interface {
	// LookupNetIP returns the addresses of host. network is "ip": those of
	// IPv4 and of IPv6.
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// RedirectError is a redirect or an upload's Location that was refused.
type RedirectError struct {
	From   string // host that asked for it, with its port if the URL has one
	To     string // target URL, as Redact shows it
	Reason string
	Err    error // the failed lookup of From, else nil
}

// Error names both ends and the reason.
func (e *RedirectError) Error() string {
	text := fmt.Sprintf("%s redirects to %s: refused, %s", e.From, e.To, e.Reason)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the failed lookup, if there is one.
func (e *RedirectError) Unwrap() error { return e.Err }

// CheckRedirect is for http.Client's field of that name. It allows 10
// redirects and asks Check about the target for every host that the request
// has come by, so that no public one leads inside, not even by a detour. It
// drops the Referer header that net/http adds: a signed URL is nothing for
// the next host to know. A refusal is a *RedirectError.
func (r Redirects) CheckRedirect(req *http.Request, via []*http.Request) error {
	req.Header.Del("Referer")
	if len(via) > maxRedirects {
		return &RedirectError{
			From:   via[len(via)-1].URL.Host,
			To:     Redact(req.URL),
			Reason: fmt.Sprintf("it would be redirect %d of one request", len(via)),
		}
	}
	for _, hop := range via {
		if err := r.Check(req.Context(), hop.URL, req.URL); err != nil {
			return err
		}
	}
	return nil
}

// Check returns nil when a registry that was asked at from may send the
// client on to the absolute URL to, by a redirect or as the Location of an
// upload, and a *RedirectError otherwise. A Location whose scheme a proxy got
// wrong must be mended before.
func (r Redirects) Check(ctx context.Context, from, to *url.URL) error {
	refuse := func(reason string, err error) error {
		return &RedirectError{From: from.Host, To: Redact(to), Reason: reason, Err: err}
	}
	if to.Scheme != "https" && to.Scheme != "http" {
		return refuse("only http and https are followed", nil)
	}
	if from.Scheme == "https" && to.Scheme == "http" && !(isLoopback(from.Hostname()) && isLoopback(to.Hostname())) {
		return refuse("it leads from https to plain http", nil)
	}
	if !isInternalHost(to.Hostname()) {
		return nil
	}
	public, err := r.isPublic(ctx, from.Hostname())
	if err != nil {
		return refuse("it leads to an internal address and the host that asks for it cannot be looked up", err)
	}
	if public {
		return refuse("a public host must not lead to an internal address", nil)
	}
	return nil
}

// isPublic reports whether all addresses of host are public.
func (r Redirects) isPublic(ctx context.Context, host string) (bool, error) {
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
