// Package auth proves to a container registry who is asking: it turns a
// challenge into a credential, the credential into a token, and the token into
// the Authorization header of a request.
//
// # Parts
//
// [Transport] is an [net/http.RoundTripper] that does all of it. [Credentials]
// is where it finds user names, passwords and tokens: [Config] reads the
// configuration files of docker and podman and runs their credential helpers,
// [Static] is one credential given by hand. [Scope] says what a token is for,
// and [WithScope] tells the Transport, through a request's context, which
// registry the request is meant for and what the caller will do there.
//
//	config := auth.ConfigFromEnv(os.Getenv)
//	client := &http.Client{Transport: &auth.Transport{Credentials: config}}
//	ctx = auth.WithScope(ctx, "ghcr.io", auth.Repository("hczjl/halo", auth.Pull))
//	req, err := http.NewRequestWithContext(ctx, "GET", "https://ghcr.io/v2/hczjl/halo/tags/list", nil)
//
// # What the Transport does
//
// It follows the scheme of the distribution project (spec/auth/token and
// spec/auth/oauth) and RFC 6750, RFC 7617 and RFC 9110 section 11.
//
//   - The first request to a registry goes out bare. Its 401 names the way to
//     authenticate, which is kept: every later request carries its token, or
//     Basic credentials, from the start.
//   - A token is asked for the whole scope of the context at once, kept in
//     memory, shared by every request whose scope it contains, and renewed
//     shortly before it ends. Requests that need the same token at the same
//     time wait for one token request.
//   - A request that is refused with a token is sent again with one that has
//     what the registry asked for as well, and if that was no news, or is not
//     enough, with one for exactly that, since some token servers heed only the
//     first or the last scope of several. Whatever works is kept. No request is
//     sent more than three times.
//   - A request whose body cannot be had again (Body without GetBody) is sent
//     once; a 401 is handed back as it is.
//   - User names and passwords go to the token server by GET with Basic
//     authentication, which every token server knows; identity tokens go by
//     POST (OAuth2), and by GET where that fails and there is a password.
//
// # What it never does
//
//   - It never authenticates a request to any other host than the one of
//     WithScope: not the target of a redirect, not a foreign Location. It never
//     authenticates over plain HTTP to a host that has answered over HTTPS.
//   - It never sends credentials to a token server that the registry has no
//     business naming: one on plain HTTP when the registry is on HTTPS, or one
//     in a private network when the registry is outside. See [Transport].
//   - It never changes the caller's request, and never shows a secret in an
//     error, in [Credential.String], or in the request of a response.
//   - It never follows a token server's redirect to another host.
//
// # Errors
//
// RoundTrip returns an [*Error] when a token could not be had, and the
// registry's own 401 or 403 response when it refused what it was given;
// [Refusal] tells whose credentials those were. Credentials that failed are a
// [*CredentialsError], with a [*HelperError] in it where a credential helper
// could not be run. Failures of the network, a token server's included, are
// wrapped and are none of these.
package auth
