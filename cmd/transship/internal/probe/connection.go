package probe

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/wire"
)

// isRegistry reports whether the 200 to GET /v2/ is a registry's: it says so in a header, or has JSON or
// nothing in its body. Quay sends "true" as text/html.
func isRegistry(a *answer) bool {
	return a.header.Get("Docker-Distribution-Api-Version") != "" || len(a.body) == 0 || json.Valid(a.body)
}

// wantsToken reports whether the error to GET /v2/ is that of a registry whose tokens are for
// repositories, so that these may be read.
func wantsToken(a *answer) bool {
	scheme, _, _ := strings.Cut(a.header.Get("WWW-Authenticate"), " ")
	return a.status == http.StatusUnauthorized && strings.EqualFold(scheme, "Bearer")
}

func probeTLS(_ context.Context, p *prober) finding {
	if p.base.tls == nil {
		return no("plain HTTP", p.base)
	}
	last := p.base.calls[len(p.base.calls)-1]
	detail := last.TLSVersion
	if certs := p.base.tls.PeerCertificates; len(certs) > 0 {
		detail += ", " + certificateText(certs[0])
	}
	return yes(detail, p.base)
}

func certificateText(c *x509.Certificate) string {
	name := c.Subject.CommonName
	if len(c.DNSNames) > 0 {
		name = c.DNSNames[0]
	}
	issuer := c.Issuer.CommonName
	if issuer == "" {
		issuer = c.Issuer.String()
	}
	return fmt.Sprintf("certificate of %s by %s until %s", name, issuer, c.NotAfter.UTC().Format("2006-01-02"))
}

func probeHTTP2(_ context.Context, p *prober) finding {
	return either(strings.HasPrefix(p.base.proto, "HTTP/2"), p.base.proto, p.base)
}

// wideWindow is from how many bytes on a window does not slow uploads over common links.
const wideWindow = 1 << 20

func probeWindows(ctx context.Context, p *prober) finding {
	if !strings.HasPrefix(p.base.proto, "HTTP/2") {
		return notTested("it does not speak HTTP/2")
	}
	windows, err := p.windows(ctx)
	if err != nil {
		return unknown(err.Error())
	}
	detail := fmt.Sprintf("%s a stream, %s a connection",
		cli.FormatBytes(windows.Stream), cli.FormatBytes(windows.Connection))
	return either(min(windows.Stream, windows.Connection) >= wideWindow, detail)
}

// probeAuthentication looks for the challenge of the first calls.
func probeAuthentication(_ context.Context, p *prober) finding {
	for _, c := range p.calls(0) {
		if challenge := c.ResponseHeader.Get("WWW-Authenticate"); c.StatusCode == http.StatusUnauthorized && challenge != "" {
			return yes(challenge, p.base)
		}
	}
	return either(p.base.isLogin(), p.base.text(), p.base)
}

func probeAPIVersion(_ context.Context, p *prober) finding {
	version := p.base.header.Get("Docker-Distribution-Api-Version")
	if version == "" {
		return no("it is missing", p.base)
	}
	return either(version == "registry/2.0", version, p.base)
}

// catalog is the JSON of a page of the catalog.
type catalog struct{ Repositories []string }

func probeCatalog(ctx context.Context, p *prober) finding {
	ctx = auth.WithScope(ctx, p.client.Host, auth.Catalog())
	a := p.send(ctx, to(http.MethodGet, endpoint.Catalog(), "n", "1"))
	p.catalog = a
	var page catalog
	if a.isLogin() {
		return no(a.text(), a)
	}
	if !a.is(http.StatusOK) {
		return orNo(a)
	}
	if err := json.Unmarshal(a.body, &page); err != nil {
		return no("the answer is not its JSON", a)
	}
	if p.repo == "" && len(page.Repositories) > 0 && reference.ValidPath(page.Repositories[0]) {
		p.repo = page.Repositories[0]
		p.scope = auth.Repository(p.repo, auth.Pull)
	}
	return yes(a.text(), a)
}

func probeCatalogPages(_ context.Context, p *prober) finding {
	var page catalog
	if !p.catalog.is(http.StatusOK) || json.Unmarshal(p.catalog.body, &page) != nil {
		return after("lists no repositories")
	}
	return pageFinding(p.catalog, len(page.Repositories), "repositories")
}

// pageFinding judges the answer to n=1, with a number of names in it.
func pageFinding(a *answer, names int, what string) finding {
	hasLink := a.header.Get("Link") != ""
	switch {
	case names > 1:
		return no(fmt.Sprintf("n=1 gives %d %s", names, what), a)
	case hasLink:
		return yes("n=1 gives one, and a Link", a)
	}
	return unknown(fmt.Sprintf("n=1 gives %d and no Link, so there may be no more", names), a)
}

// probeRateLimit looks at the headers of all answers.
func probeRateLimit(_ context.Context, p *prober) finding {
	found, calls := map[string]string{}, []wire.Call(nil)
	for _, c := range p.calls(0) {
		for name, values := range c.ResponseHeader {
			lower := strings.ToLower(name)
			isLimit := strings.HasPrefix(strings.TrimPrefix(lower, "x-"), "ratelimit") || lower == "retry-after"
			if isLimit && found[lower] == "" {
				found[lower] = strings.Join(values, ", ")
				calls = append(calls, c)
			}
		}
	}
	if len(found) == 0 {
		return no("none in all calls")
	}
	var texts []string
	for name, value := range found {
		texts = append(texts, name+": "+value)
	}
	slices.Sort(texts)
	return yes(strings.Join(texts, ", "), &answer{calls: calls})
}
