package wire

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// HTTP2Windows is how far a client may be ahead of a server of HTTP/2, in bytes.
type HTTP2Windows struct {
	Stream     int64 // of one stream: SETTINGS_INITIAL_WINDOW_SIZE (RFC 9113, section 6.5.2)
	Connection int64 // of all streams together (RFC 9113, section 6.9.2)
}

const (
	// http2Preface is the client's preface with SETTINGS that leave every default, and a PING (RFC 9113,
	// sections 3.4 and 6.7).
	http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" +
		"\x00\x00\x00\x04\x00\x00\x00\x00\x00" +
		"\x00\x00\x08\x06\x00\x00\x00\x00\x00windows?"

	frameSettings     = 4 // the types of frames: RFC 9113, section 6
	framePing         = 6
	frameWindowUpdate = 8
	flagAck           = 1
	settingWindow     = 4
	defaultWindow     = 65535
	windowsTimeout    = 10 * time.Second
	maxFirstFrames    = 32 // frames that are read before the answer to the PING
)

// HTTP2Windows asks a host for its windows, which net/http does not tell: it opens a connection of
// its own, with the TLS configuration of the host, and sends no request. host has its port if the URL
// has one. It is an error if the host does not speak HTTP/2 over TLS, or is behind a proxy.
func (h *Transport) HTTP2Windows(ctx context.Context, host string) (HTTP2Windows, error) {
	ctx, cancel := context.WithTimeout(ctx, windowsTimeout)
	defer cancel()
	conn, err := h.dialHTTP2(ctx, host)
	if err != nil {
		return HTTP2Windows{}, fmt.Errorf("%s: %w", host, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.NetConn().Close() })()
	windows, err := readWindows(conn)
	if err != nil {
		return HTTP2Windows{}, fmt.Errorf("%s: the begin of HTTP/2: %w", host, cmp.Or(context.Cause(ctx), err))
	}
	return windows, nil
}

// dialHTTP2 opens a connection that has agreed on HTTP/2.
func (h *Transport) dialHTTP2(ctx context.Context, host string) (*tls.Conn, error) {
	transport, err := h.transport(&h.regular, host, true)
	if err != nil {
		return nil, err
	}
	u := &url.URL{Scheme: "https", Host: host}
	if proxy, err := transport.Proxy(&http.Request{URL: u}); err != nil || proxy != nil {
		return nil, cmp.Or(err, errors.New("a proxy is in between"))
	}
	raw, err := transport.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "443")))
	if err != nil {
		return nil, err
	}
	config := transport.TLSClientConfig.Clone()
	config.NextProtos = []string{"h2"}
	config.ServerName = cmp.Or(config.ServerName, u.Hostname())
	conn := tls.Client(raw, config)
	err = conn.HandshakeContext(ctx)
	if err == nil && conn.ConnectionState().NegotiatedProtocol != "h2" {
		err = errors.New("it does not speak HTTP/2")
	}
	if err != nil {
		raw.Close()
		return nil, err
	}
	return conn, nil
}

// readWindows sends the preface and reads frames up to the answer to its PING. A server says before that
// what it allows beyond the default, Go's only after its answer to SETTINGS.
func readWindows(conn io.ReadWriter) (HTTP2Windows, error) {
	windows := HTTP2Windows{defaultWindow, defaultWindow}
	if _, err := io.WriteString(conn, http2Preface); err != nil {
		return windows, err
	}
	for range maxFirstFrames {
		var head [9]byte // RFC 9113, section 4.1
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return windows, err
		}
		size := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
		kind, flags, stream := head[3], head[4], binary.BigEndian.Uint32(head[5:])&(1<<31-1)
		if size > 16<<10 {
			return windows, errors.New("a frame is too large")
		}
		payload := make([]byte, size)
		if _, err := io.ReadFull(conn, payload); err != nil {
			return windows, err
		}
		switch {
		case kind == framePing && flags&flagAck != 0:
			return windows, nil
		case kind == frameSettings:
			for ; len(payload) >= 6; payload = payload[6:] {
				if binary.BigEndian.Uint16(payload) == settingWindow {
					windows.Stream = int64(binary.BigEndian.Uint32(payload[2:]))
				}
			}
		case kind == frameWindowUpdate && stream == 0 && size == 4:
			windows.Connection += int64(binary.BigEndian.Uint32(payload) & (1<<31 - 1))
		}
	}
	return windows, errors.New("the answer to a PING is missing")
}
