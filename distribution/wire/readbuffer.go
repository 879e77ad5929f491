package wire

import (
	"context"
	"net"
)

// rangeBuffer is how many bytes of a range may wait in its connection, if the system allows as many:
// 256 KiB of what Linux allows by itself (net.core.rmem_max), which counts its own overhead too.
const rangeBuffer = 512 << 10

// withReadBuffer returns a dial whose TCP connections receive rangeBuffer bytes ahead. Otherwise Linux
// lets a connection receive 64 KiB that are not read.
func withReadBuffer(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if tcp, ok := conn.(*net.TCPConn); ok && err == nil {
			_ = tcp.SetReadBuffer(rangeBuffer) // a connection with less is slower, and works
		}
		return conn, err
	}
}
