package serve

import (
	"bytes"
	"context"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// Bounds of one page. What is not measured in time is shown without platforms and size.
const (
	pageImages    = 50
	pagePlatforms = 12
	pageTime      = 5 * time.Second
)

// page shows at "/" which images are there, as HTML to browsers and as text to others. All other
// paths are next's.
type page struct {
	next    http.Handler
	images  *servedImages
	host    string // of references, if the client's Host header is none
	login   bool   // pulls need a password
	onError func(r *http.Request, err error)
	html    *template.Template
}

func newPage(
	next http.Handler, images *servedImages, host string, login bool, onError func(*http.Request, error),
) *page {
	html := template.Must(template.New("page").Parse(pageHTML)) // tested
	return &page{next: next, images: images, host: host, login: login, onError: onError, html: html}
}

// pageContent is what one page shows. Everything in it may come from foreign files.
type pageContent struct {
	Host   string
	Images []pageImage
	Query  string
	Next   string // URL of the next page; "" on the last
	Login  bool
	Plain  bool // plain HTTP, for which docker needs a setting
}

// pageImage is a tag, or an image in a repository without tags.
type pageImage struct {
	Name      string // repository:tag or repository@digest
	Digest    string
	Platforms []string // at most pagePlatforms
	More      int      // platforms beyond those
	Size      string
	Arrived   time.Time // zero if unknown
	Pull      []string  // command lines
}

// ServeHTTP implements http.Handler.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" || r.Method != http.MethodGet && r.Method != http.MethodHead {
		p.next.ServeHTTP(w, r)
		return
	}
	header := w.Header()
	header.Set("Vary", "Accept")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	header.Set("Content-Type", "text/plain; charset=utf-8")
	write := writePageText
	if prefersHTML(r.Header) {
		header.Set("Content-Type", "text/html; charset=utf-8")
		write = func(out io.Writer, c pageContent) error { return p.html.Execute(out, c) }
	}
	var out bytes.Buffer
	content, err := p.content(r)
	if err == nil {
		err = write(&out, content)
	}
	if err != nil {
		p.onError(r, err)
		http.Error(w, "the list of images could not be made", http.StatusInternalServerError)
		return
	}
	header.Set("Content-Length", strconv.Itoa(out.Len()))
	_, _ = w.Write(out.Bytes()) // fails only if the client has disconnected
}

// content collects the images of the requested page.
func (p *page) content(r *http.Request) (pageContent, error) {
	query := r.URL.Query()
	c := pageContent{Host: p.host, Query: query.Get("q"), Login: p.login, Plain: !isTLS(r)}
	if ref, err := reference.ParseRepository(r.Host + "/x"); err == nil && ref.Domain == r.Host {
		c.Host = r.Host
	}
	names, more, err := p.images.names(r.Context(), query.Get("last"), c.Query, pageImages)
	if err != nil {
		return c, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), pageTime)
	defer cancel()
	for _, name := range names {
		c.Images = append(c.Images, p.image(ctx, c, name))
	}
	if more {
		next := url.Values{"last": {names[len(names)-1].String()}}
		if c.Query != "" {
			next.Set("q", c.Query)
		}
		c.Next = "/?" + next.Encode()
	}
	return c, nil
}

// image describes an image by its manifests. Where they cannot be read, the name remains.
func (p *page) image(ctx context.Context, c pageContent, name imageName) pageImage {
	im := pageImage{Name: name.String(), Pull: pullLines(c, name.String())}
	repository := p.images.union.Repository(name.repository)
	d, err := repository.HeadManifest(ctx, name.ref)
	if err != nil {
		return im
	}
	im.Digest, im.Arrived = string(d.Digest), p.images.arrived(d.Digest)
	engine := &transfer.Engine{Available: true} // a folder may have some platforms of an image only
	m, err := image.Measure(ctx, engine, repository, string(d.Digest))
	if err != nil {
		return im
	}
	for _, platform := range m.Platforms {
		im.Platforms = append(im.Platforms, cli.OneLine(platform))
	}
	if im.More = len(im.Platforms) - pagePlatforms; im.More > 0 {
		im.Platforms = im.Platforms[:pagePlatforms]
	}
	im.Size = cli.FormatBytes(m.Size)
	return im
}

// pullLines returns the command lines that pull an image with docker, podman and ctr.
func pullLines(c pageContent, name string) []string {
	podman, ctr := "podman pull ", "ctr image pull "
	if c.Plain {
		podman, ctr = podman+"--tls-verify=false ", ctr+"--plain-http "
	}
	if c.Login {
		ctr += "--user USER "
	}
	ref := c.Host + "/" + name
	return []string{"docker pull " + ref, podman + ref, ctr + ref}
}

// isTLS reports whether the client speaks TLS, with this server or with a proxy before it.
func isTLS(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}
