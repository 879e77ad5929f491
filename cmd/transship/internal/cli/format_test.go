package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRegistryName(t *testing.T) {
	for host, want := range map[string]string{
		"": "HOST", "registry-1.docker.io": "docker.io", "r.example.com:443": "r.example.com",
		"localhost:5000": "localhost:5000",
	} {
		if got := RegistryName(host); got != want {
			t.Errorf("%q: got %s, want %s", host, got, want)
		}
	}
}

func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"a\nb":            "a; b",
		" a\x1b[31m\x07 ": "a[31m",
		"a\u202eb\u2066c": "abc", // else the rest of the line is shown from right to left
		"proxyconnect http://me:s3cr3t@proxy:3128/: no": "proxyconnect http://REDACTED@proxy:3128/: no",
		"https://r.example.com/x@sha256:12":             "https://r.example.com/x@sha256:12",
	} {
		if got := OneLine(text); got != want {
			t.Errorf("OneLine(%q) = %q, want %q", text, got, want)
		}
	}
	long := strings.Repeat("0123456789abcdef", 8)
	for text, want := range map[string]string{
		"r/x@sha256:" + long[:64]:              "r/x@sha256:0123456789ab...",
		"/v2/x/blobs/sha512:" + long + ": 404": "/v2/x/blobs/sha512:0123456789ab...: 404",
		"?digest=sha256%3A" + long[:64] + "&x": "?digest=sha256%3A0123456789ab...&x",
		"want sha256:" + long[:64]:             "want sha256:" + long[:64],
	} {
		if got := ShortenDigests(text); got != want {
			t.Errorf("ShortenDigests(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestFilesAreNoTerminals(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	for _, stream := range []any{null, file, &bytes.Buffer{}, nil} {
		if IsTerminal(stream) {
			t.Errorf("%v is not a terminal", stream)
		}
	}
}

func TestFormatsRound(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 9949: "9.9 kB", 9960: "10 kB", 999_499: "999 kB",
		999_500: "1.0 MB", 45_600_000: "46 MB", 7_300_000_000: "7.3 GB", 1 << 62: "4.6 EB",
	} {
		if got := FormatBytes(n); got != want {
			t.Errorf("FormatBytes(%d) = %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		1234 * time.Microsecond: "1ms", 59*time.Second + 949*time.Millisecond: "59.9s",
		90 * time.Second: "1m30s", 3*time.Hour + 100*time.Millisecond: "3h0m0s",
	} {
		if got := FormatDuration(d); got != want {
			t.Errorf("FormatDuration(%d) = %s, want %s", d, got, want)
		}
	}
}
