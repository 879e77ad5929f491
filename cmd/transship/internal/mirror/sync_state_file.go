package mirror

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// stateHead is what --state's file begins with, and the first line of a [runLog].
type stateHead struct {
	Version int    `json:"version"`
	Shard   string `json:"shard,omitempty"` // that of --shard, "" for a run that took all repositories
	// Sizes is the digest of the file of --sizes, "" without one.
	Sizes blob.Digest `json:"sizes,omitempty"`
	// BytesPerSecond is how fast the last run copied, for the hours of --plan.
	BytesPerSecond int64 `json:"bytesPerSecond,omitempty"`
}

// syncedImage is an element of the member "images" of --state's file, which follows the [stateHead].
type syncedImage struct {
	Target string      `json:"target"`
	Source string      `json:"source"`
	Digest blob.Digest `json:"digest"`
}

// syncStateVersion is the file's version. It goes up with a change that an older reader must not
// ignore.
const syncStateVersion = 1

// errStateVersion is the error of a file that another version of the program has written.
var errStateVersion = errors.New("it has version")

// addImage is called with an image, and the offset in bytes at which it begins in its file.
type addImage func(im syncedImage, at int64) error

// decodeState parses the file, and gives each image to add. It has one image at a time in memory, and
// is as strict as [manifest.Decode].
func decodeState(r io.Reader, add addImage) (head stateHead, err error) {
	in := json.NewDecoder(r)
	if err := expect(in, json.Delim('{')); err != nil {
		return head, err
	}
	rest := []byte("{") // of the document, without the images
	hasImages := false
	for in.More() {
		name, err := in.Token()
		if err != nil {
			return head, err
		}
		if strings.EqualFold(fmt.Sprint(name), "images") {
			if name != "images" || hasImages {
				return head, fmt.Errorf("member %q comes twice, or in another case", name)
			}
			hasImages = true
			if err := decodeImages(in, add); err != nil {
				return head, err
			}
			continue
		}
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return head, err
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			return head, err
		}
		rest = bytes.Join([][]byte{rest, quoted, []byte(":"), value, []byte(",")}, nil)
	}
	if err := expect(in, json.Delim('}')); err != nil {
		return head, err
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return head, errors.New("text follows the document")
	}
	return head, decodeHead(append(bytes.TrimSuffix(rest, []byte(",")), '}'), &head)
}

// decodeHead parses a head and checks its version.
func decodeHead(raw []byte, head *stateHead) error {
	if err := manifest.Decode(raw, head); err != nil {
		return err
	}
	if head.Version != syncStateVersion {
		return fmt.Errorf("%w %d, and this program reads version %d", errStateVersion, head.Version, syncStateVersion)
	}
	return nil
}

func decodeImages(in *json.Decoder, add addImage) error {
	if err := expect(in, json.Delim('[')); err != nil {
		return err
	}
	for in.More() {
		var raw json.RawMessage
		var im syncedImage
		if err := in.Decode(&raw); err != nil {
			return err
		}
		if err := manifest.Decode(raw, &im); err != nil {
			return err
		}
		if err := im.Digest.Validate(); err != nil {
			return fmt.Errorf("%q: %w", im.Target, err)
		}
		if err := add(im, in.InputOffset()-int64(len(raw))); err != nil {
			return err
		}
	}
	return expect(in, json.Delim(']'))
}

// expect reads a token.
func expect(in *json.Decoder, want json.Token) error {
	got, err := in.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err == nil && got != want {
		err = fmt.Errorf("it has %v where %v is expected", got, want)
	}
	return err
}

// encodeState writes the file, as json.MarshalIndent writes a document.
func encodeState(w io.Writer, head stateHead, images iter.Seq[syncedImage]) error {
	raw, err := json.MarshalIndent(head, "", " ")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s,\n \"images\": [", bytes.TrimSuffix(raw, []byte("\n}")))
	before, end := "\n  ", "]\n}\n"
	for im := range images {
		raw, err := json.MarshalIndent(im, "  ", " ")
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s%s", before, raw); err != nil {
			return err
		}
		before, end = ",\n  ", "\n ]\n}\n"
	}
	_, err = io.WriteString(w, end)
	return err
}
