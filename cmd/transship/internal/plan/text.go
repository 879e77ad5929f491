package plan

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/manifest"
)

// Text prints the report for people.
func (r *Report) Text(out io.Writer) error {
	var b bytes.Buffer
	for _, image := range r.Images {
		image.text(&b, "")
	}
	if r.Totals.writes() == 0 && !slices.ContainsFunc(r.Images, func(i *image) bool { return i.Action == "put" }) {
		b.WriteString("nothing has to be written\n")
	}
	fmt.Fprintf(&b, "\ncalls, in the order of --jobs 1:\n")
	for _, c := range r.Calls {
		fmt.Fprintf(&b, "  %s\n", c.text())
	}
	r.totals(&b)
	_, err := out.Write(b.Bytes())
	return err
}

// text is an image and what is in it, one a line.
func (i *image) text(b *bytes.Buffer, indent string) {
	what := i.Reference
	if what == "" {
		what = strings.TrimSpace(i.Platform + " " + i.Digest.Short())
	}
	fmt.Fprintf(b, "%s%s: %s\n", indent, what, i.How())
	for _, d := range i.Blobs {
		fmt.Fprintf(b, "%s  %-6s %s: %s\n", indent, d.Role, d.Digest.Short(), d.how())
	}
	for _, below := range i.Manifests {
		below.text(b, indent+"  ")
	}
}

// How says what becomes of a manifest.
func (i *image) How() string {
	kind := "image"
	switch {
	case manifest.IsIndex(i.MediaType):
		kind = "list"
	case i.Subject != "":
		kind = "referrer of " + i.Subject.Short()
	}
	switch i.Action {
	case "put":
		return fmt.Sprintf("%s, put, %d bytes", kind, i.Size)
	case "shared":
		return kind + ", as above"
	case "expected":
		return kind + ", expected to be there"
	}
	return kind + ", present"
}

// how says what becomes of a blob.
func (p blobLine) how() string {
	switch p.Action {
	case "upload":
		return fmt.Sprintf("upload %d bytes", p.Size)
	case "store":
		return fmt.Sprintf("store %d bytes", p.Size)
	case "mount":
		return fmt.Sprintf("mount from %s (%d bytes)", p.From, p.Size)
	case "shared":
		return "as above"
	case "elsewhere":
		return "not copied, its descriptor says where it is"
	}
	return fmt.Sprintf("present (%d bytes)", p.Size)
}

// text is a call for people.
func (c call) text() string {
	line := fmt.Sprintf("%d %-6s %s", c.Status, c.Method, c.URL)
	if c.Sent > 0 {
		line += fmt.Sprintf(" sends %d bytes", c.Sent)
	}
	if c.Received != nil && *c.Received > 0 {
		line += fmt.Sprintf(" receives %d bytes", *c.Received)
	}
	return line
}

// writes is how many calls change something.
func (t totals) writes() int {
	n := 0
	for _, h := range t.Hosts {
		n += h.Writes
	}
	return n
}

// totals prints the sums, and what they rest on.
func (r *Report) totals(b *bytes.Buffer) {
	b.WriteString("\ntotals:\n")
	for _, h := range r.Totals.Hosts {
		fmt.Fprintf(b, "  %s: %d read%s, %d write%s; sends %d bytes, receives %d\n",
			h.Host, h.Reads, cli.Plural(h.Reads), h.Writes, cli.Plural(h.Writes), h.Sent, h.Received)
	}
	t := r.Totals
	fmt.Fprintf(b, "  blobs: %d to upload (%s), %d to mount, %d present\n", t.Uploads, cli.FormatBytes(t.Bytes), t.Mounts, t.Present)
	if t.Stores > 0 {
		fmt.Fprintf(b, "  blobs in layouts and tars: %d to store (%s)\n", t.Stores, cli.FormatBytes(t.Stored))
	}
	if t.Tar > 0 {
		fmt.Fprintf(b, "  the tar: %d bytes (%s)\n", t.Tar, cli.FormatBytes(t.Tar))
	}
	fmt.Fprintf(b, "\nnothing was written; reads made to find out, beyond these calls: %d\n", r.Questions)
	for _, a := range r.Assumed {
		fmt.Fprintf(b, "assumed: %s\n", a.Text)
	}
}
