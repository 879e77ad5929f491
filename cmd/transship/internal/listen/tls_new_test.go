package listen

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A server that runs for years replaces its certificate in time.
func TestCertificateIsRenewedWhileServing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Flags{address: "127.0.0.1:0", newDir: t.TempDir()}
		if err := l.Check(); err != nil {
			t.Fatal(err)
		}
		if err := l.makeCertificate(); err != nil {
			t.Fatal(err)
		}
		first, _ := l.certificate.get(nil)
		time.Sleep(time.Until(first.Leaf.NotAfter) - 31*24*time.Hour)
		if again, _ := l.certificate.get(nil); again != first {
			t.Error("it is replaced too early")
		}
		time.Sleep(2 * 24 * time.Hour)
		if second, _ := l.certificate.get(nil); !second.Leaf.NotAfter.After(first.Leaf.NotAfter) {
			t.Errorf("it is valid until %s as before", second.Leaf.NotAfter)
		}
	})
}

func TestCertificateNames(t *testing.T) {
	for _, test := range []struct {
		address string
		names   []string
		want    []string
	}{
		{"127.0.0.1:0", nil, []string{"localhost", "127.0.0.1", "::1"}},
		{"[::1]:0", []string{"Far.Example.", " [2001:DB8::1] "}, []string{"far.example", "2001:db8::1", "localhost"}},
		{"0.0.0.0:0", []string{"*.example"}, []string{"*.example", "localhost"}},
	} {
		l := &Flags{address: test.address, newDir: "x", names: test.names}
		if err := l.Check(); err != nil {
			t.Fatal(err)
		}
		got := l.certificateNames()
		for _, name := range test.want {
			if !slices.Contains(got, name) {
				t.Errorf("%s: %q is not in %q", test.address, name, got)
			}
		}
		if slices.Contains(got, "0.0.0.0") || slices.Contains(got, "") {
			t.Errorf("%s: got %q", test.address, got)
		}
	}
}
