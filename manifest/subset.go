package manifest

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/hczjl/transship/blob"
)

// Subset returns an index with the entries for the wanted platforms and the attestation manifests
// of those images, cut out as [Manifest.Keep] does. It also keeps entries that are indexes without
// a platform, since it does not know what they list. Without wanted platforms it keeps all entries.
// A platform that no entry matches is a *[PlatformError].
func (m Manifest) Subset(want ...Platform) (Manifest, error) {
	ix, err := m.Index()
	if err != nil {
		return Manifest{}, err
	}
	keep, err := ix.selection(want)
	if err != nil {
		return Manifest{}, err
	}
	return m.cutDown(keep)
}

// Keep returns an index with the entries for which keep returns true. Those entries and everything
// around the list stay byte for byte the author's: indentation, member order, unknown members. If
// all entries are kept, it is the same document with the same digest. If none is, the error is a
// *[DocumentError].
func (m Manifest) Keep(keep func(Descriptor) bool) (Manifest, error) {
	ix, err := m.Index()
	if err != nil {
		return Manifest{}, err
	}
	flags := make([]bool, len(ix.Manifests))
	for i, d := range ix.Manifests {
		flags[i] = keep(d)
	}
	return m.cutDown(flags)
}

// cutDown returns the index with the entries whose flag is set.
func (m Manifest) cutDown(keep []bool) (Manifest, error) {
	spans, err := entrySpans(m.Raw)
	if err != nil || len(spans) != len(keep) {
		return Manifest{}, &DocumentError{m.Digest, errors.Join(errors.New("the entries of its list cannot be found"), err)}
	}
	var kept []span
	for i, s := range spans {
		if keep[i] {
			kept = append(kept, s)
		}
	}
	if len(kept) == len(spans) {
		return m, nil
	}
	if len(kept) == 0 {
		return Manifest{}, &DocumentError{m.Digest, errors.New("no entry would be left")}
	}
	raw := splice(m.Raw, spans, kept)
	m.Raw, m.Size, m.Digest = raw, int64(len(raw)), blob.FromBytes(raw)
	return m, nil
}

// span is the range of bytes of a value; to is the offset after its last byte.
type span struct{ from, to int64 }

// splice returns the document with only the kept ones of its entries. It separates them as the
// first two were.
func splice(raw []byte, all, kept []span) []byte {
	var separator []byte
	if len(all) > 1 {
		separator = raw[all[0].to:all[1].from]
	}
	out := bytes.Clone(raw[:all[0].from])
	for i, s := range kept {
		if i > 0 {
			out = append(out, separator...)
		}
		out = append(out, raw[s.from:s.to]...)
	}
	return append(out, raw[all[len(all)-1].to:]...)
}

// entrySpans finds the elements of the top-level array "manifests".
func entrySpans(raw []byte) (spans []span, err error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if err := expect(dec, '{'); err != nil {
		return nil, err
	}
	err = forEachMember(dec, func(name string) (err error) {
		if name != "manifests" {
			var skipped json.RawMessage
			return dec.Decode(&skipped)
		}
		spans, err = elementSpans(dec)
		return err
	})
	return spans, err
}

func elementSpans(dec *json.Decoder) ([]span, error) {
	if err := expect(dec, '['); err != nil {
		return nil, err
	}
	var out []span
	for dec.More() {
		var element json.RawMessage
		if err := dec.Decode(&element); err != nil {
			return nil, err
		}
		end := dec.InputOffset()
		out = append(out, span{end - int64(len(element)), end})
	}
	return out, expect(dec, ']')
}
