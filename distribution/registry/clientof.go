package registry

import (
	"context"
	"net"
	"net/http"
	"net/netip"
)

type userKey struct{}

// withUser returns r as the request of a user whose password is checked.
func withUser(r *http.Request, user string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), userKey{}, user))
}

// clientOf returns whose share of the upload sessions a request counts to: a user that Basic has
// checked, else an address. Of IPv6 it is the /64 network, all of which one client may have.
func clientOf(r *http.Request) string {
	if user, checked := r.Context().Value(userKey{}).(string); checked {
		return "user " + user
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address, err := netip.ParseAddr(host)
	if err != nil || address.Unmap().Is4() {
		return host
	}
	network, _ := address.WithZone("").Prefix(64) // fails only for more bits than the address has
	return network.String()
}
