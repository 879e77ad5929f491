// Package auth authenticates requests to container registries. Start with [Transport], an
// [net/http.RoundTripper] that answers a registry's challenges with tokens or Basic credentials.
//
// # Parts
//
// A Transport gets user names, passwords and tokens from its [Credentials]. [Config] reads the
// configuration files of docker and podman and runs their credential helpers; [Static] is one fixed
// credential. A [Scope] is what a token allows. [WithScope] puts into a request's context which
// registry the request is for and which scope the caller needs there. Without it the Transport does
// not authenticate the request.
//
//	config := auth.ConfigFromEnv(os.Getenv)
//	client := &http.Client{Transport: &auth.Transport{Credentials: config}}
//	ctx = auth.WithScope(ctx, "ghcr.io", auth.Repository("hczjl/halo", auth.Pull))
//	req, err := http.NewRequestWithContext(ctx, "GET", "https://ghcr.io/v2/hczjl/halo/tags/list", nil)
//
// # What the Transport does
//
// It follows spec/auth/token and spec/auth/oauth of the CNCF distribution project, RFC 6750, RFC
// 7617, and RFC 9110 section 11.
//
//   - The first request to a registry is sent without authorization. The challenge in its 401 is
//     remembered, and every later request has a token or Basic credentials from the start.
//   - One token request covers the whole scope of the context. The token is kept in memory, used
//     for every request whose scope it contains, and renewed shortly before it expires. Concurrent
//     requests that need the same token wait for one token request.
//   - A request whose token is refused is sent again with a token that also has the scope of the
//     challenge. If it had that already, or is refused again, the request is sent with a token for
//     exactly the scope of the challenge, since some token servers use only the first or the last
//     of several scopes. The scope that works is remembered. No request is sent more than three
//     times.
//   - A request whose body cannot be read again (Body without GetBody) is sent once. Its 401 is
//     returned unchanged.
//   - User names and passwords are sent to the token server by GET with Basic authentication, which
//     every token server supports. Identity tokens are sent by POST (OAuth2), and if that fails and
//     there is a password, by GET.
//
// # What it never does
//
//   - It never authenticates a request to another host than the one of WithScope, such as the
//     target of a redirect or of a Location. It never authenticates over plain HTTP to a host that
//     has answered over HTTPS.
//   - It never sends credentials to a token server that the registry may not name: one on plain
//     HTTP if the registry is on HTTPS and not both are on loopback, or one in a private network if
//     the registry is not. See [Transport].
//   - It never changes the caller's request, and never shows a secret in an error, in
//     [Credential.String], or in the Request of a response.
//   - It never follows a token server's redirect to another host.
//
// # Errors
//
// RoundTrip returns an [*Error] if it got no token. If the registry refuses the authorization,
// RoundTrip returns its 401 or 403 response, and [Refusal] returns which credentials were refused.
// A failure of Credentials is a [*CredentialsError]; if a credential helper failed it wraps a
// [*HelperError]. Network errors, those of a token server included, are wrapped and are none of
// these.
package auth
