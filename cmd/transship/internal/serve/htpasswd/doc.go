// Package htpasswd reads password files as Apache's program htpasswd writes them, and tells whether a password is right.
//
//	users, err := htpasswd.Open("/etc/registry/htpasswd")
//	...
//	if !users.Authenticate(r.Context(), name, password) {
//
// A line is user:hash; lines that begin with # and empty ones are passed over, as are spaces around a line. Hashes are
// bcrypt ($2y$, $2a$, $2b$, which `htpasswd -B` makes) and Apache's own of MD5 ($apr1$, which `htpasswd` makes unless it
// is told otherwise). What protects no password, plain text, {SHA} and crypt, makes a file unusable, and so does a user
// that is there twice: programs differ on which of the two counts.
//
// The file is read again when it has changed. Passwords and hashes are in no error.
package htpasswd
