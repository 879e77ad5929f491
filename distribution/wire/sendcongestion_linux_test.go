package wire

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// congestionOf asks the kernel for a connection's congestion control.
func congestionOf(t *testing.T, conn *net.TCPConn) string {
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var name [16]byte
	length := uint32(len(name))
	err = raw.Control(func(fd uintptr) {
		_, _, errno := syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_CONGESTION,
			uintptr(unsafe.Pointer(&name)), uintptr(unsafe.Pointer(&length)), 0)
		if errno != 0 {
			t.Error(errno)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimRight(string(name[:]), "\x00")
}

// outside returns an address of this machine that is no loopback address.
func outside(t *testing.T) string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() {
			return ip.IP.String()
		}
	}
	t.Skip("the machine has no address but loopback")
	return ""
}

// The connection of a large upload gets the congestion control, the one of a small call and one to this machine do not.
func TestLargeUploadsHaveACongestionControl(t *testing.T) {
	const want = "reno" // every Linux has it, for every user
	for _, test := range []struct {
		address string
		control SendCongestion
		size    int
		want    string
	}{
		{outside(t), want, 2 << 20, want},
		{outside(t), want, 1000, ""},
		{outside(t), SystemCongestion, 2 << 20, ""},
		{"127.0.0.1", want, 2 << 20, ""},
	} {
		listener, err := net.Listen("tcp4", test.address+":0")
		if err != nil {
			t.Fatal(err)
		}
		server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.NotFoundHandler()}}
		server.Start()
		var got string
		record := &Recorder{Base: &Transport{SendCongestion: test.control}, OnCall: func(c Call) { got = c.Congestion }}
		resp, err := (&http.Client{Transport: record}).Post(server.URL, "", strings.NewReader(strings.Repeat("x", test.size)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		server.Close()
		if got != test.want {
			t.Errorf("%+v: the record says %q", test, got)
		}
	}
}

func TestSetCongestion(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("tcp4", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := setCongestion(conn.(*net.TCPConn), "reno"); err != nil {
		t.Fatal(err)
	}
	if got := congestionOf(t, conn.(*net.TCPConn)); got != "reno" {
		t.Errorf("the kernel says %q", got)
	}
}

func TestUnknownCongestionControl(t *testing.T) {
	if err := SendCongestion("no-such").Check(); err == nil || !strings.Contains(err.Error(), `"no-such"`) {
		t.Error(err)
	}
	if err := SendCongestion(SystemCongestion).Check(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat("/proc/sys/net/ipv4/tcp_allowed_congestion_control"); err == nil {
		if err := SendCongestion("reno").Check(); err != nil {
			t.Error(err)
		}
	}
}
