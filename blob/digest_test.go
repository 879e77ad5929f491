package blob_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
)

func TestDigest(t *testing.T) {
	const empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	d := blob.FromBytes(nil)
	if d != empty || d.Algorithm() != blob.SHA256 || d.Hex() != empty[7:] || d.Short() != empty[:19] {
		t.Errorf("got %q (%s, %s, %s)", d, d.Algorithm(), d.Hex(), d.Short())
	}
	if err := d.Validate(); err != nil {
		t.Error(err)
	}
	if err := blob.SHA512.Digest(nil).Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidateRefuses(t *testing.T) {
	for _, d := range []blob.Digest{
		"", ":", "sha256", "sha256:", "sha256:abc", "md5:00000000000000000000000000000000",
		blob.Digest("sha256:" + strings.Repeat("A", 64)), blob.Digest("sha256:" + strings.Repeat("g", 64)),
		blob.Digest("sha512:" + strings.Repeat("0", 64)), blob.Digest("sha256:" + strings.Repeat("0", 65)),
	} {
		err := d.Validate()
		var de *blob.DigestError
		if !errors.As(err, &de) {
			t.Errorf("%q: got %v", d, err)
		}
	}
}

func TestVerify(t *testing.T) {
	b := []byte("hello")
	if err := blob.Verify(b, blob.FromBytes(b), 5); err != nil {
		t.Error(err)
	}
	hello, empty := string(blob.FromBytes(b)), string(blob.FromBytes(nil))
	for want, err := range map[string]error{
		"want " + empty + ", got " + hello:                   blob.Verify(b, blob.FromBytes(nil), 5),
		hello + " is cut short: want 6 bytes, got 5":         blob.Verify(b, blob.FromBytes(b), 6),
		hello + " is too long: want 4 bytes, got at least 5": blob.Verify(b, blob.FromBytes(b), 4),
	} {
		var mismatch *blob.MismatchError
		if !errors.As(err, &mismatch) || mismatch.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// Foreign input may be a megabyte of anything.
func TestDigestErrorIsShort(t *testing.T) {
	err := blob.Digest("sha256:" + strings.Repeat("x", 1<<20)).Validate()
	if err == nil || len(err.Error()) > 400 {
		t.Errorf("the message has %d bytes", len(err.Error()))
	}
}

func TestUnknownAlgorithms(t *testing.T) {
	if a := blob.Algorithm("md5"); a.Available() || a.Digest(nil) != blob.FromBytes(nil) || a.New().Size() != 32 {
		t.Errorf("md5: got %s", a.Digest(nil))
	}
	if d := blob.Digest("abc"); d.Algorithm() != "" || d.Hex() != "" || d.Short() != "abc" {
		t.Errorf("got %q, %q, %q", d.Algorithm(), d.Hex(), d.Short())
	}
}

func FuzzDigest(f *testing.F) {
	sha256, sha512 := blob.FromBytes(nil), blob.SHA512.Digest(nil)
	for _, s := range []string{"", ":", "sha256:", "sha512:00", string(sha256), string(sha512)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := blob.Digest(s)
		d.Algorithm().New()
		_ = d.Short()
		if err := d.Validate(); err == nil && string(d.Algorithm())+":"+d.Hex() != s {
			t.Errorf("%q is valid, but its parts make another text", s)
		}
	})
}
