package auditcmd

import (
	"fmt"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/trace"
)

// reasonText describes a reason in words.
func reasonText(r trace.Reason) string {
	text := activityText(r)
	if r.Bytes > 0 {
		text += ", " + cli.FormatBytes(r.Bytes)
	}
	if r.Longest == nil {
		return text
	}
	call := fmt.Sprintf("call %d: %s", r.Longest.Sequence, cli.OneLine(r.Longest.Path))
	if r.Longest.Blob != "" {
		call = fmt.Sprintf("call %d: blob %s", r.Longest.Sequence, cli.OneLine(blob.Digest(r.Longest.Blob).Short()))
	}
	if r.Calls == 1 {
		return text + ", " + call
	}
	return text + fmt.Sprintf(", %d calls; the longest %s, %s", r.Calls, r.Longest.Time, call)
}

// activityText describes the activity of a reason and its host.
func activityText(r trace.Reason) string {
	host := cli.OneLine(r.Host)
	title := audit.RowTitle(r.Row)
	if strings.HasPrefix(r.Row, "end-") {
		title += " (" + cli.OneLine(r.Row) + ")"
	}
	switch r.Activity {
	case trace.Blocked:
		return "waiting for a free connection to " + host
	case trace.DNS:
		return "looking up the name of " + host
	case trace.Connect:
		return "connecting to " + host
	case trace.TLS:
		return "the TLS handshake with " + host
	case trace.Send:
		return fmt.Sprintf("sending to %s: %s", host, title)
	case trace.Wait:
		return fmt.Sprintf("waiting for the first byte from %s: %s", host, title)
	case trace.Receive:
		return fmt.Sprintf("receiving from %s: %s", host, title)
	case trace.Stream:
		return fmt.Sprintf("streaming blobs from %s to %s", host, cli.OneLine(r.To))
	case trace.Pause:
		return "waiting to retry a call to " + host
	case trace.Between:
		return "the program, while other calls were in progress"
	}
	return "nothing on the wire: the program or the disk"
}
