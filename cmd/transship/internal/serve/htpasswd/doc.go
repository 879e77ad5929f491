// Package htpasswd authenticates users against a password file of Apache's program htpasswd. Start
// with [Open].
//
//	users, err := htpasswd.Open("/etc/registry/htpasswd")
//	...
//	if !users.Authenticate(r.Context(), name, password) {
//
// A line is user:hash. Empty lines, lines that begin with #, and spaces around a line are ignored.
// Hashes are bcrypt ($2y$, $2a$, $2b$, made by htpasswd -B) and Apache's variant of MD5 ($apr1$,
// the default of htpasswd). Plain text, {SHA} and crypt, which do not protect a password, are
// errors. So is a user on two lines, since programs differ on which of them is used.
//
// The file is read again after it has changed. Errors contain no passwords and no hashes.
package htpasswd
