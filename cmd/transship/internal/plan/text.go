package plan

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/manifest"
)

// Text prints the report as text.
func (r *Report) Text(out io.Writer) error {
	var b bytes.Buffer
	if !r.totalsOnly {
		r.writeCalls(&b)
	}
	r.writeTotals(&b)
	_, err := out.Write(bytes.TrimPrefix(b.Bytes(), []byte("\n")))
	return err
}

// writeCalls prints the images, and the calls in their order.
func (r *Report) writeCalls(b *bytes.Buffer) {
	for _, v := range r.Signatures {
		fmt.Fprintf(b, "%s: %s\n", v.Image, v)
	}
	for _, image := range r.Images {
		image.write(b, "")
	}
	if r.Totals.writes() == 0 && !slices.ContainsFunc(r.Images, func(i *image) bool { return i.Action == "put" }) {
		b.WriteString("nothing to write\n")
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	b.WriteString("calls, in the order of --jobs 1:\n")
	for _, c := range r.Calls {
		fmt.Fprintf(b, "  %s\n", c.text())
	}
}

// write prints an image and its content, a line each.
func (i *image) write(b *bytes.Buffer, indent string) {
	name := i.Reference
	if name == "" {
		name = i.Digest.Short()
	}
	if i.Reference == "" && i.Platform != nil {
		name = cli.OneLine(i.Platform.String()) + " " + name
	}
	fmt.Fprintf(b, "%s%s: %s\n", indent, name, i.Describe())
	for _, d := range i.Blobs {
		fmt.Fprintf(b, "%s  %-6s %s: %s\n", indent, d.Role, d.Digest.Short(), d.describe())
	}
	for _, child := range i.Manifests {
		child.write(b, indent+"  ")
	}
}

// Describe returns the kind of a manifest and what happens to it.
func (i *image) Describe() string {
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

// describe returns what happens to a blob.
func (l blobLine) describe() string {
	switch l.Action {
	case "upload":
		return fmt.Sprintf("upload %d bytes", l.Size)
	case "store":
		return fmt.Sprintf("store %d bytes", l.Size)
	case "delta":
		return fmt.Sprintf("store a delta of %d bytes to %s in place of %d bytes", l.Delta.Size, l.Delta.Base, l.Size)
	case "mount":
		return fmt.Sprintf("mount from %s (%d bytes)", l.From, l.Size)
	case "shared":
		return "as above"
	case "elsewhere":
		return "left out: a foreign layer, which clients fetch from its URLs"
	}
	return fmt.Sprintf("present (%d bytes)", l.Size)
}

// text returns a call as a line of text.
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

// writes returns how many calls write to a registry.
func (t totals) writes() int {
	n := 0
	for _, h := range t.Hosts {
		n += h.Writes
	}
	return n
}

// writeCost prints how many images there are, the pulls, and the time.
func (r *Report) writeCost(b *bytes.Buffer) {
	put := 0
	for _, i := range r.Images {
		if i.Action == "put" {
			put++
		}
	}
	fmt.Fprintf(b, "  images: %d to put, %d present\n", put, len(r.Images)-put)
	for _, h := range r.Totals.Hosts {
		if h.Pulls > 0 {
			fmt.Fprintf(b, "  pulls: %d from %s, if it counts GETs of manifests, as Docker Hub does\n", h.Pulls, h.Host)
		}
	}
	t := r.Totals
	took := time.Duration(t.Seconds * float64(time.Second))
	fmt.Fprintf(b, "  time: %s (%.1f hours) for the bytes, at %s/s, %s\n",
		cli.FormatDuration(took), took.Hours(), cli.FormatBytes(t.BytesPerSecond), t.rateOf)
}

// writeTotals prints the totals and the assumptions.
func (r *Report) writeTotals(b *bytes.Buffer) {
	b.WriteString("\ntotals:\n")
	for _, h := range r.Totals.Hosts {
		fmt.Fprintf(b, "  %s: %d read%s, %d write%s; sends %d bytes, receives %d\n",
			h.Host, h.Reads, cli.Plural(h.Reads), h.Writes, cli.Plural(h.Writes), h.Sent, h.Received)
	}
	t := r.Totals
	fmt.Fprintf(b, "  blobs: %d to upload (%s), %d to mount, %d present\n",
		t.Uploads, cli.FormatBytes(t.Bytes), t.Mounts, t.Present)
	if t.Stores > 0 {
		fmt.Fprintf(b, "  blobs in layouts and tars: %d to store (%s)\n", t.Stores, cli.FormatBytes(t.Stored))
	}
	if t.Deltas > 0 {
		fmt.Fprintf(b, "  deltas in tars: %d to store (%s)\n", t.Deltas, cli.FormatBytes(t.DeltaBytes))
	}
	if r.totalsOnly {
		r.writeCost(b)
	}
	if t.Tar > 0 {
		fmt.Fprintf(b, "  the tar: %d bytes (%s)\n", t.Tar, cli.FormatBytes(t.Tar))
	}
	fmt.Fprintf(b, "\nnothing was written; calls that only the plan needed: %d\n", r.Questions)
	for _, a := range r.Assumed {
		fmt.Fprintf(b, "assumed: %s\n", a.Text)
	}
}
