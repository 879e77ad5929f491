package plan

import (
	"slices"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
	"github.com/hczjl/transship/manifest/signature"
)

// Report is what --plan prints. Scripts rely on its JSON.
type Report struct {
	cli.Outcome
	Images    []*image     `json:"images"`
	Calls     []call       `json:"calls"` // in the order of a run with --jobs 1
	Totals    totals       `json:"totals"`
	Questions int          `json:"questions"` // calls that only the plan makes
	Assumed   []assumption `json:"assumed"`
	// Signatures is what the policy of --require-signature says of each image.
	Signatures []signature.Verdict `json:"signatures,omitempty"`

	totalsOnly bool
}

// image is a manifest in a repository and its content.
type image struct {
	Reference string             `json:"reference,omitempty"` // "" for a child of a list
	MediaType string             `json:"mediaType"`
	Digest    blob.Digest        `json:"digest"`
	Size      int64              `json:"size"`
	Platform  *manifest.Platform `json:"platform,omitempty"`
	Subject   blob.Digest        `json:"subject,omitempty"`
	Action    string             `json:"action"` // put, present, shared (listed above), expected (present, not checked)
	Blobs     []blobLine         `json:"blobs,omitempty"`
	Manifests []*image           `json:"manifests,omitempty"`

	local bool // the target is a layout or tar
}

// blobLine is a config or layer, or another blob that an index lists.
type blobLine struct {
	Role      string      `json:"role"` // config or layer; blob for any other that an index lists
	MediaType string      `json:"mediaType"`
	Digest    blob.Digest `json:"digest"`
	Size      int64       `json:"size"`
	// Action is present, mount, upload, store (in a layout or tar), delta (in a tar, in its place),
	// shared (listed above), or elsewhere (a foreign layer that is left out: the descriptor has URLs).
	Action string `json:"action"`
	From   string `json:"from,omitempty"` // the repository to mount from
	Delta  *delta `json:"delta,omitempty"`
}

// call is one call to a registry.
type call struct {
	Method     string `json:"method"`
	URL        string `json:"url"`    // {session} stands for an upload's address
	Status     int    `json:"status"` // of the answer, or expected
	Write      bool   `json:"write"`
	Authorized bool   `json:"authorized"`         // with credentials or a token
	Sent       int64  `json:"sent"`               // bytes of the request body
	Received   *int64 `json:"received,omitempty"` // bytes of the response body, if known
}

// delta is what a tar has in the place of a blob.
type delta struct {
	Base blob.Digest `json:"base"` // the blob that it is compared with
	Size int64       `json:"size"` // bytes of the delta
}

// totals counts calls by host and blobs by action, a blob once in each repository.
type totals struct {
	Hosts   []*hostTotals `json:"hosts"` // in the order of their first call
	Present int           `json:"present"`
	Mounts  int           `json:"mounts"`
	Uploads int           `json:"uploads"`
	Bytes   int64         `json:"bytes"`         // of the blobs to upload
	Stores  int           `json:"stores"`        // blobs that go into layouts and tars
	Stored  int64         `json:"stored"`        // their bytes
	Tar     int64         `json:"tar,omitempty"` // bytes of the tar

	Deltas     int   `json:"deltas,omitempty"`     // blobs that go into tars as deltas
	DeltaBytes int64 `json:"deltaBytes,omitempty"` // bytes of the deltas

	// BytesPerSecond is that of --rate, else of an earlier run, else assumedRate.
	BytesPerSecond int64   `json:"bytesPerSecond"`
	Seconds        float64 `json:"seconds"` // that the bytes take at this rate

	rateOf string // where BytesPerSecond comes from
}

// assumedRate is 100 Mbit/s in bytes per second.
const assumedRate = 12_500_000

// hostTotals counts the calls to one host.
type hostTotals struct {
	Host     string `json:"host"`
	Reads    int    `json:"reads"`
	Pulls    int    `json:"pulls"` // GETs of manifests among the reads, which is what Docker Hub's quota counts
	Writes   int    `json:"writes"`
	Sent     int64  `json:"sent"`
	Received int64  `json:"received"`
}

// Report returns what the run found out.
func (p *Plan) Report() (*Report, error) {
	images, err := newTree(p).images()
	if err != nil {
		return nil, err
	}
	out := &Report{Images: images, Questions: p.calls.ExtraCalls(), Assumed: assumptions(images, p.calls.Calls())}
	out.Calls, out.Totals.Hosts, out.Signatures = []call{}, []*hostTotals{}, p.signed
	for _, ev := range p.upToDate {
		out.Images = append(out.Images, &image{
			Reference: p.targetName(ev.Target, ev.Ref), MediaType: ev.Descriptor.MediaType,
			Digest: ev.Descriptor.Digest, Size: ev.Descriptor.Size, Action: string(wire.ActionPresent),
		})
	}
	for _, c := range p.calls.Calls() {
		out.addCall(c)
	}
	for _, b := range p.blobs() {
		out.Totals.addBlob(b)
	}
	for _, t := range p.locals {
		out.Totals.Tar += t.TarSize
		out.Totals.addDeltas(t.Deltas)
	}
	out.totalsOnly = p.TotalsOnly
	out.Totals.setTime(p)
	return out, nil
}

// setTime sets how long the bytes take.
func (t *totals) setTime(p *Plan) {
	switch {
	case p.Limit > 0 && (p.Measured == 0 || p.Limit <= p.Measured):
		t.BytesPerSecond, t.rateOf = p.Limit, "that --rate allows"
	case p.Measured > 0:
		t.BytesPerSecond, t.rateOf = p.Measured, "that the run before reached"
	default:
		t.BytesPerSecond, t.rateOf = assumedRate, "assumed; --rate gives another, and --state remembers that of a run"
	}
	t.Seconds = float64(t.Bytes+t.Stored) / float64(t.BytesPerSecond)
}

// familiar returns a reference as users write it, or unchanged if it cannot be parsed.
func familiar(repository, ref string) string {
	host, path, _ := strings.Cut(repository, "/")
	name, err := reference.ParseRepository(cli.RegistryName(host) + "/" + path)
	switch digest := blob.Digest(ref); {
	case err != nil:
		return repository + ":" + ref
	case digest.Validate() == nil:
		return name.WithDigest(digest).Familiar()
	}
	return name.WithTag(ref).Familiar()
}

// addCall adds a call and counts it.
func (r *Report) addCall(c wire.PlannedCall) {
	out := call{
		Method: c.Method, URL: c.URL, Status: c.StatusCode,
		Write: c.Write, Authorized: c.Authorized, Sent: c.Sent,
	}
	if c.Received >= 0 {
		out.Received = &c.Received
	}
	r.Calls = append(r.Calls, out)
	h := r.Totals.host(c.Host)
	if c.Write {
		h.Writes++
	} else {
		h.Reads++
	}
	if isPull(c) {
		h.Pulls++
	}
	h.Sent += c.Sent
	h.Received += max(c.Received, 0)
}

// host returns the totals of a host, which are added if they are new.
func (t *totals) host(name string) *hostTotals {
	i := slices.IndexFunc(t.Hosts, func(h *hostTotals) bool { return h.Host == name })
	if i < 0 {
		i = len(t.Hosts)
		t.Hosts = append(t.Hosts, &hostTotals{Host: name})
	}
	return t.Hosts[i]
}

func (t *totals) addBlob(b wire.PlannedBlob) {
	switch b.Action {
	case wire.ActionPresent:
		t.Present++
	case wire.ActionMount:
		t.Mounts++
	case wire.ActionUpload:
		t.Uploads++
		t.Bytes += b.Size
	case actionStore:
		t.Stores++
		t.Stored += b.Size
	}
}

// addDeltas counts the blobs that go into tars as deltas.
func (t *totals) addDeltas(deltas map[blob.Digest]layout.Delta) {
	for _, d := range deltas {
		t.Deltas++
		t.DeltaBytes += d.Size
	}
}
