package wire

import (
	"net/netip"
	"strings"
)

// sharedSpace is what carriers and overlay networks use internally (RFC 6598). On many systems
// thisNetwork means the local machine (RFC 1122).
var (
	sharedSpace = netip.MustParsePrefix("100.64.0.0/10")
	thisNetwork = netip.MustParsePrefix("0.0.0.0/8")
)

// address returns the IP address that host, without its port, is, and false for a name.
func address(host string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.TrimSuffix(host, "."))
	return a.Unmap(), err == nil
}

// isLocalhost reports whether host is the name localhost, or one below it (RFC 6761, section 6.3).
func isLocalhost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// isInternal reports whether a belongs to the local machine or a private network, and not to the
// public Internet.
func isInternal(a netip.Addr) bool {
	return a.IsLoopback() || a.IsPrivate() || a.IsUnspecified() ||
		a.IsLinkLocalUnicast() || a.IsMulticast() ||
		sharedSpace.Contains(a) || thisNetwork.Contains(a)
}

// isInternalHost reports whether host is localhost, an internal address, or a number such as
// 2130706433 or 0x7f.1, which some resolvers read as an address.
func isInternalHost(host string) bool {
	if a, ok := address(host); ok {
		return isInternal(a)
	}
	return isLocalhost(host) || endsInNumber(host)
}

// endsInNumber reports whether the last label of a host name is a number, which no top-level domain
// is.
func endsInNumber(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	label := host[strings.LastIndexByte(host, '.')+1:]
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return isDigits(label)
}
