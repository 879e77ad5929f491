package wire

import (
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
)

// setCongestion sets TCP_CONGESTION (tcp(7)).
func setCongestion(conn *net.TCPConn, name string) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = syscall.SetsockoptString(int(fd), syscall.IPPROTO_TCP, syscall.TCP_CONGESTION, name)
	})
	if err != nil {
		return err
	}
	return failed
}

// tryCongestion sets it on a socket that is not connected.
func tryCongestion(name string) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	if err := syscall.SetsockoptString(fd, syscall.IPPROTO_TCP, syscall.TCP_CONGESTION, name); err != nil {
		allowed, _ := os.ReadFile("/proc/sys/net/ipv4/tcp_allowed_congestion_control")
		return fmt.Errorf("this system has no congestion control %q for this user: it has %s (net.ipv4.tcp_allowed_congestion_control)",
			name, strings.Join(strings.Fields(string(allowed)), ", "))
	}
	return nil
}
