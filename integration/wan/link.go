package wan

import (
	"cmp"
	"errors"
	"fmt"
	"os"
)

// Link is a link between two ends, near and far by their names only.
type Link struct {
	Near, Far *End

	there, back direction // near to far, and far to near
	machines    string    // the congestion control that ends have unless told otherwise
}

// NearAddress and FarAddress are the addresses of the ends, in the range for benchmarks of RFC 2544.
const (
	NearAddress = "198.18.0.1"
	FarAddress  = "198.18.0.2"
)

// ErrMissing is what a machine that cannot have a link lacks.
var ErrMissing = errors.New("a long link needs Linux, root and /dev/net/tun")

// Set gives the link another path. Connections that are open go over that too.
func (l *Link) Set(p Path, seed uint64) error {
	l.there.set(p, 2*seed)
	l.back.set(p, 2*seed+1)
	for _, end := range []*End{l.Near, l.Far} {
		if err := end.setCongestion(cmp.Or(p.Congestion, l.machines)); err != nil {
			return err
		}
	}
	return nil
}

// setCongestion sets the congestion control of connections that are opened from now on, and forgets what the kernel has
// learned from those before.
func (e *End) setCongestion(name string) error {
	return e.do(func() error {
		if err := os.WriteFile(defaultCongestion, []byte(name), 0); err != nil {
			return fmt.Errorf("congestion control %s: %w", name, err)
		}
		return ip("tcp_metrics", "flush")
	})
}

const (
	defaultCongestion = "/proc/sys/net/ipv4/tcp_congestion_control"
	allowedCongestion = "/proc/sys/net/ipv4/tcp_allowed_congestion_control"
	allCongestion     = "/proc/sys/net/ipv4/tcp_available_congestion_control"
)
