//go:build !linux

package wire

import (
	"errors"
	"net"
)

var errNoCongestion = errors.New("only Linux has a congestion control for each connection")

func setCongestion(*net.TCPConn, string) error { return errNoCongestion }

func tryCongestion(string) error { return errNoCongestion }
