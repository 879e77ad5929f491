package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/endpoint"
)

// need is what a row's probe cannot do without.
type need int

const (
	nothing need = iota
	repository
	writing
)

// row is a row of the report, and how it is found out.
type row struct {
	id    string
	spec  string // of the table of distribution-spec, "Endpoints"; "" for what is no endpoint's
	what  string // that verdict yes says
	needs need
	probe func(context.Context, *prober) finding
}

// rows returns the table of probes, in the order in which they run: a probe uses what those before it
// have found.
func rows() []row {
	return []row{
		{"tls", "", "TLS", nothing, probeTLS},
		{"http2", "", "HTTP/2", nothing, probeHTTP2},
		{"http2-windows", "", "an upload over HTTP/2 may be 1 MiB ahead", nothing, probeWindows},
		{"authentication", "end-1", "asks for an account or a token", nothing, probeAuthentication},
		{"api-version", "end-1", "Docker-Distribution-API-Version says registry/2.0", nothing, probeAPIVersion},

		{"upload-put", "end-6", "uploads by POST and PUT", writing, probeUploadPut},
		{"upload-digest-header", "end-6", "the answer to an upload has its digest", writing, probeUploadDigest},
		{"upload-relative", "end-4a", "the Location of a session is relative", writing, probeRelativeLocation},
		{"chunk-min", "end-4a", "wants chunks of a least size, OCI-Chunk-Min-Length", writing, probeChunkMin},
		{"upload-post", "end-4b", "uploads by a single POST", writing, probeUploadPost},
		{"upload-chunks", "end-5", "uploads in chunks", writing, probeUploadChunks},
		{"upload-status", "end-13", "says where an upload stands", writing, probeUploadStatus},
		{"upload-out-of-order", "end-5", "refuses a chunk out of order, 416", writing, probeOutOfOrder},
		{"upload-stream", "end-5", "uploads by a PATCH without a range", writing, probeUploadStream},
		{"upload-cancel", "end-14", "cancels an upload", writing, probeUploadCancel},
		{"upload-bad-digest", "end-6", "refuses a blob of another digest, 400", writing, probeBadDigest},
		{"sha512-blob", "end-6", "takes a blob by its sha512", writing, probeSHA512Blob},
		{"mount-anonymous", "end-11", "mounts without from", writing, probeMountAnonymous},
		{"mount-from", "end-11", "mounts from another repository", writing, probeMountFrom},
		{"mount-nowhere", "end-11", "opens an upload if there is nothing to mount, 202", writing, probeMountNowhere},

		{"manifest-put", "end-7a", "takes a manifest by tag", writing, probeManifestPut},
		{"tag-query", "end-7b", "sets tags by a PUT by digest, OCI-Tag", writing, probeTagQuery},
		{"subject", "end-7a", "answers OCI-Subject to a manifest with a subject", writing, probeSubject},
		{"sparse-index", "end-7a", "takes an index whose manifests are missing", writing, probeSparseIndex},
		{"sha512-manifest", "end-7a", "takes a manifest by its sha512", writing, probeSHA512Manifest},

		{"catalog", "catalog", "lists its repositories", nothing, probeCatalog},
		{"catalog-pages", "catalog", "n limits the repositories of a page, Link leads on", nothing, probeCatalogPages},
		{"tags", "end-8a", "lists tags", repository, probeTags},
		{"tags-n", "end-8b", "n limits the tags of a page, Link leads on", repository, probeTagPages},
		{"tags-last", "end-8b", "last skips the tags before it", repository, probeTagsLast},
		{"manifest-get", "end-3", "gives a manifest by tag", repository, probeManifestGet},
		{"manifest-kept", "end-3", "keeps the bytes and the media type of a manifest", writing, probeManifestKept},
		{"manifest-digest-header", "end-3", "Docker-Content-Digest is the digest of a manifest", repository, probeManifestDigest},
		{"manifest-head", "end-3", "HEAD of a manifest has the length of GET", repository, probeManifestHead},
		{"manifest-missing", "end-3", "answers 404 for a manifest that is missing", repository, probeManifestMissing},
		{"error-json", "end-3", "errors are the specification's JSON", repository, probeErrorJSON},
		{"blob-head", "end-2", "HEAD of a blob has its length", repository, probeBlobHead},
		{"blob-digest-header", "end-2", "Docker-Content-Digest is the digest of a blob", repository, probeBlobDigest},
		{"range", "end-2", "sends a range of a blob, 206", repository, probeRange},
		{"redirect", "end-2", "redirects blobs to another host", repository, probeRedirect},
		{"range-suffix", "end-2", "sends the last bytes of a blob, 206", repository, probeRangeSuffix},
		{"range-beyond", "end-2", "refuses a range beyond the end of a blob, 416", repository, probeRangeBeyond},
		{"if-range", "end-2", "sends the whole blob if If-Range names another, 200", repository, probeIfRange},
		{"referrers", "end-12a", "lists referrers", repository, probeReferrers},
		{"referrers-filter", "end-12b", "filters referrers by artifactType", repository, probeReferrersFilter},

		{"delete-tag", "end-9", "deletes a tag", writing, probeDeleteTag},
		{"delete-manifest", "end-9", "deletes a manifest", writing, probeDeleteManifest},
		{"delete-blob", "end-10", "deletes a blob", writing, probeDeleteBlob},
		{"rate-limit", "", "answers have headers of a rate limit", nothing, probeRateLimit},
	}
}

// open checks that the host is a registry (end-1).
func (p *prober) open(ctx context.Context) error {
	a := p.send(ctx, to(http.MethodGet, endpoint.Base()))
	p.base = a
	switch {
	case a.err != nil:
		return a.err
	case a.failed != nil && !wantsToken(a):
		return a.failed
	case a.failed == nil && !isRegistry(a):
		return &distribution.RequestError{
			Method: http.MethodGet, URL: a.calls[len(a.calls)-1].URL, Err: distribution.ErrNotRegistry,
		}
	}
	return nil
}

// probe runs the probes. It ends early only if the run does.
func (p *prober) probe(ctx context.Context) error {
	for _, at := range rows() {
		var f finding
		switch {
		case at.needs == writing && !p.write:
			f = notTested("--write is not given")
		case at.needs == repository && p.repo == "":
			f = notTested("no repository is known")
		default:
			f = at.probe(ctx, p)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p.report.add(at, f)
	}
	return nil
}

// of returns what an answer that is neither yes nor no makes of a row.
func of(a *answer) finding {
	if errors.Is(a.err, errTooMany) {
		return notTested(a.text())
	}
	return unknown(a.text(), a)
}

// orNo is of, but any answer other than a wish for an account is a no.
func orNo(a *answer) finding {
	if a.err != nil || a.isLogin() || a.status >= http.StatusInternalServerError {
		return of(a)
	}
	return no(a.text(), a)
}

// after is the finding of a row whose probe needs what another one has not brought.
func after(what string) finding { return notTested(fmt.Sprintf("the registry %s", what)) }
