package wire

import "strings"

// IsOrdinaryText reports whether a secret is what servers write anyway: fewer than four characters,
// a short number, a word or phrase of their messages, or a part of one of the public texts, such as a
// URL. Such a secret is not replaced in a text: the gap would tell whoever knows the message what the
// secret is.
func IsOrdinaryText(secret string, public ...string) bool {
	secret = strings.ToLower(secret)
	if len(secret) < minSecret || len(secret) < 8 && strings.Trim(secret, "0123456789") == "" {
		return true
	}
	for _, text := range append(public, ordinaryText) {
		if strings.Contains(strings.ToLower(text), secret) {
			return true
		}
	}
	return false
}

// ordinaryText has what registries, token servers, proxies and net/http say: reason phrases (RFC
// 9110), error codes and messages of the distribution API and of OAuth2 (RFC 6749, RFC 6750), values
// of headers, and words around them. A part of a word counts too.
const ordinaryText = `
bad request unauthorized payment required forbidden not found method not allowed not acceptable request timeout
conflict gone length required precondition failed request entity too large unsupported media type
range not satisfiable expectation failed misdirected request unprocessable entity locked too many requests
internal server error not implemented bad gateway service unavailable gateway timeout insufficient storage

blob_unknown blob_upload_invalid blob_upload_unknown digest_invalid manifest_blob_unknown manifest_invalid
manifest_unknown manifest_unverified name_invalid name_unknown size_invalid tag_invalid denied unsupported
toomanyrequests range_invalid pagination_number_invalid
invalid_request invalid_client invalid_grant invalid_scope invalid_token insufficient_scope unauthorized_client
unsupported_grant_type access_denied server_error temporarily_unavailable

authentication required authorization failed access denied requested access to the resource is denied
incorrect username or password wrong credentials invalid credentials unauthenticated
blob unknown to registry manifest unknown repository name not known to registry the operation is unsupported
provided digest did not match uploaded content project not found quota exceeded is disabled has expired
maintenance mode read-only please try again later contact your administrator account suspended blocked expired
email address verified subscription license limit reached rate exceeded pull upload download push delete mount
you are not allowed permission permissions privilege privileges missing invalid unknown unexpected illegal
cannot could should would must have been does with without from this that there their your into only for and
the server client connection refused reset timed out closed broken network host proxy cache storage backend
database disk full volume system process admin administrator user users guest robot service accounts anonymous
default public private secret password passwords token tokens login logout sign signed session key api version
registry repository repositories image images tag tags layer layers config manifest manifests index list digest
library project projects organization namespace group team member members company test testing demo example
docker harbor nexus artifactory jfrog gitlab github quay amazon google azure cloud nginx apache traefik haproxy
localhost internal external local domain address names email application json text html plain xml octet-stream
charset utf-8 sha256 sha512 basic bearer realm scope registry/2.0 http/1.1 linux/amd64 linux/arm64 gzip
monday tuesday wednesday thursday friday saturday sunday january february march april june july august september
october november december welcome hello success successful failure warning deprecated removed
`
