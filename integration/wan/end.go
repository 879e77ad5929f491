package wan

import (
	"context"
	"fmt"
	"net"
	"os"
)

// End is one end of a link: a network namespace without a name, which ends with the processes in it and this one.
type End struct {
	Address string // of the end, IPv4
	// Enter are the words before those of a command that is to run there.
	Enter []string

	file *os.File // the namespace
}

// Dial opens a connection from the end, as net.Dialer.DialContext does. It is for the harness, which so reaches a server at
// the end without passing the link.
func (e *End) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = e.do(func() (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

func newEnd(file *os.File, address string) *End {
	path := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), file.Fd())
	return &End{Address: address, Enter: []string{"nsenter", "--net=" + path}, file: file}
}
