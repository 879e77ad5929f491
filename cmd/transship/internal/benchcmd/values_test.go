package benchcmd

import (
	"slices"
	"testing"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string][]int64{
		"16MiB": {16 << 20}, "2x1KiB,3": {1024, 1024, 3}, "1MB, 2x5": {1e6, 5, 5}, "1X1k": {1024},
	} {
		var l sizeList
		if err := l.Set(text); err != nil || !slices.Equal(l.sizes, want) || l.alone != (text == "16MiB") {
			t.Errorf("%s: %v, %v, %v", text, l.sizes, l.alone, err)
		}
	}
}

func TestNearness(t *testing.T) {
	for host, want := range map[string]distance{
		"localhost:5000": onThisMachine(), "LOCALHOST": onThisMachine(), "x.localhost:1": onThisMachine(), "127.0.0.2:5000": onThisMachine(),
		"[::1]:5000": onThisMachine(), "[::ffff:127.0.0.1]:1": onThisMachine(), "10.1.2.3": onPrivate(), "192.168.0.1:5000": onPrivate(),
		"[fd00::1]:5000": onPrivate(), "203.0.113.7": onPublic(), "[2001:db8::1]:443": onPublic(), "169.254.1.1": onPublic(),
	} {
		if got := distanceOf(t.Context(), host); got != want {
			t.Errorf("%s is on %s", host, got.name)
		}
	}
	if distanceOfAll() != onPublic() {
		t.Error("a name without addresses is near")
	}
}
