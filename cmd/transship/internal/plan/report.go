package plan

import (
	"slices"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/wire"
)

// Report is what --plan prints; its JSON is for scripts, which rely on it.
type Report struct {
	Images    []*image     `json:"images"`
	Calls     []call       `json:"calls"` // in the order of a run that does one thing at a time
	Totals    totals       `json:"totals"`
	Questions int          `json:"questions"` // calls made to find out, beyond those of the run
	Assumed   []assumption `json:"assumed"`
}

// image is a manifest in a repository, with what it needs.
type image struct {
	Reference string      `json:"reference,omitempty"` // of one that stands under a name of its own
	MediaType string      `json:"mediaType"`
	Digest    blob.Digest `json:"digest"`
	Size      int64       `json:"size"`
	Platform  string      `json:"platform,omitempty"`
	Subject   blob.Digest `json:"subject,omitempty"`
	Action    string      `json:"action"` // put, present, shared (as said before), expected (there without being asked for)
	Blobs     []blobLine  `json:"blobs,omitempty"`
	Manifests []*image    `json:"manifests,omitempty"`

	local bool // it goes into a layout or tar
}

// blobLine is a config or layer.
type blobLine struct {
	Role      string      `json:"role"` // config or layer
	MediaType string      `json:"mediaType"`
	Digest    blob.Digest `json:"digest"`
	Size      int64       `json:"size"`
	Action    string      `json:"action"`         // present, mount, upload, store (in a layout or tar), shared (as said before), elsewhere (at its URLs)
	From      string      `json:"from,omitempty"` // the repository that it is mounted from
}

// call is one call to a registry.
type call struct {
	Method     string `json:"method"`
	URL        string `json:"url"`    // with {session} for what a registry calls an upload
	Status     int    `json:"status"` // as it came, or as it is expected
	Write      bool   `json:"write"`
	Authorized bool   `json:"authorized"`         // it carries credentials or a token
	Sent       int64  `json:"sent"`               // bytes of the request's body
	Received   *int64 `json:"received,omitempty"` // bytes of the answer's body, where they are known
}

// totals sums up.
type totals struct {
	Hosts   []*hostTotals `json:"hosts"`   // in the order of their first call
	Present int           `json:"present"` // blobs, each once in each repository
	Mounts  int           `json:"mounts"`
	Uploads int           `json:"uploads"`
	Bytes   int64         `json:"bytes"`         // of the blobs to upload
	Stores  int           `json:"stores"`        // blobs that go into layouts and tars
	Stored  int64         `json:"stored"`        // their bytes
	Tar     int64         `json:"tar,omitempty"` // bytes of the tar
}

// hostTotals are the calls to one host.
type hostTotals struct {
	Host     string `json:"host"`
	Reads    int    `json:"reads"`
	Writes   int    `json:"writes"`
	Sent     int64  `json:"sent"`
	Received int64  `json:"received"`
}

// Report puts what was found out into order.
func (p *Plan) Report() (*Report, error) {
	images, err := newTree(p).images()
	if err != nil {
		return nil, err
	}
	out := &Report{Images: images, Questions: p.calls.Questions(), Assumed: assumptions(images, p.calls.Calls())}
	out.Calls, out.Totals.Hosts = []call{}, []*hostTotals{}
	for _, ev := range p.kept {
		out.Images = append(out.Images, &image{Reference: p.targetName(ev.Target, ev.Ref), MediaType: ev.Descriptor.MediaType,
			Digest: ev.Descriptor.Digest, Size: ev.Descriptor.Size, Action: string(wire.ActionPresent)})
	}
	for _, c := range p.calls.Calls() {
		out.call(c)
	}
	for _, b := range p.blobs() {
		out.Totals.blob(b)
	}
	for _, at := range p.inOrder {
		out.Totals.Tar += at.TarSize
	}
	return out, nil
}

// familiar is a reference as people write it. What cannot be read is left as it is.
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

// call adds a call and counts it.
func (r *Report) call(c wire.PlannedCall) {
	out := call{Method: c.Method, URL: c.URL, Status: c.StatusCode, Write: c.Write, Authorized: c.Authorized, Sent: c.Sent}
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
	h.Sent += c.Sent
	h.Received += max(c.Received, 0)
}

func (t *totals) host(name string) *hostTotals {
	at := slices.IndexFunc(t.Hosts, func(h *hostTotals) bool { return h.Host == name })
	if at < 0 {
		at = len(t.Hosts)
		t.Hosts = append(t.Hosts, &hostTotals{Host: name})
	}
	return t.Hosts[at]
}

// blob counts a blob.
func (t *totals) blob(b wire.PlannedBlob) {
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
