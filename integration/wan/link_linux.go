package wan

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// New makes two ends and the link between them, which passes packets at once until Set. Both end with the test. A machine
// that cannot have them gives ErrMissing.
func New(t testing.TB) (*Link, error) {
	if os.Geteuid() != 0 {
		return nil, ErrMissing
	}
	if _, err := os.Stat(tunDevice); err != nil {
		return nil, ErrMissing
	}
	if err := allowCongestion(t); err != nil {
		return nil, err
	}
	machines, err := os.ReadFile(defaultCongestion)
	if err != nil {
		return nil, err
	}
	l := &Link{machines: strings.TrimSpace(string(machines))}
	var near, far *os.File
	if l.Near, near, err = openEnd(t, NearAddress); err == nil {
		l.Far, far, err = openEnd(t, FarAddress)
	}
	if err != nil {
		return nil, err
	}
	l.there.set(Path{}, 0)
	l.back.set(Path{}, 0)
	go l.there.carry(near, far)
	go l.back.carry(far, near)
	return l, nil
}

// openEnd makes a namespace with a TUN device, whose packets tun reads and writes.
func openEnd(t testing.TB, address string) (end *End, tun *os.File, err error) {
	namespace, err := newNamespace()
	if err != nil {
		return nil, nil, err
	}
	t.Cleanup(func() { namespace.Close() })
	end = newEnd(namespace, address)
	err = end.do(func() (err error) {
		if tun, err = openTUN(); err != nil {
			return err
		}
		for _, args := range []string{
			"link set lo up", fmt.Sprintf("link set %s mtu %d up txqueuelen 10000", tunName, mtu), "addr add " + address + "/24 dev " + tunName,
		} {
			if err := ip(strings.Fields(args)...); err != nil {
				return err
			}
		}
		return nil
	})
	if tun != nil {
		t.Cleanup(func() { tun.Close() })
	}
	return end, tun, err
}

// allowCongestion lets namespaces have any congestion control that the kernel has, until the test ends.
func allowCongestion(t testing.TB) error {
	before, err := os.ReadFile(allowedCongestion)
	if err != nil {
		return err
	}
	all, err := os.ReadFile(allCongestion)
	if err != nil || bytes.Equal(before, all) {
		return err
	}
	t.Cleanup(func() { _ = os.WriteFile(allowedCongestion, before, 0) })
	return os.WriteFile(allowedCongestion, all, 0)
}

// newNamespace makes a network namespace and returns a handle to it.
func newNamespace() (file *os.File, err error) {
	err = onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("a network namespace: %w", err)
		}
		file, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	return file, err
}

// do runs f in the end's namespace.
func (e *End) do(f func() error) error {
	return onThread(func() error {
		if err := unix.Setns(int(e.file.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("setns: %w", err)
		}
		return f()
	})
}

// onThread runs f on a thread that nothing else runs on, before or after.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		done <- f()
	}()
	return <-done
}

const (
	tunDevice = "/dev/net/tun"
	tunName   = "wan"
)

// openTUN makes a device for packets of IP in the namespace of the thread.
func openTUN() (*os.File, error) {
	fd, err := unix.Open(tunDevice, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tunDevice, err)
	}
	request, err := unix.NewIfreq(tunName)
	if err != nil {
		return nil, err
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("TUNSETIFF: %w", err)
	}
	return os.NewFile(uintptr(fd), tunDevice), nil
}

// ip runs ip(8) in the namespace of the thread.
func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}
