package signature

import (
	"fmt"
	"strings"
)

// DistinguishedName is the attributes of a certificate's subject by type, such as O. S is ST.
type DistinguishedName map[string]string

// ParseDistinguishedName parses attributes such as "C=US, ST=WA, O=example.com" (RFC 4514). As for
// Notation's x509.subject each type may come once, and C, ST and O must be there.
func ParseDistinguishedName(text string) (DistinguishedName, error) {
	out := DistinguishedName{}
	for _, part := range splitEscaped(text, ',') {
		name, value, ok := strings.Cut(part, "=")
		name = strings.ToUpper(strings.TrimSpace(name))
		if name == "S" {
			name = "ST"
		}
		switch {
		case !ok || name == "" || strings.HasPrefix(value, "#") || len(splitEscaped(value, '+')) > 1:
			return nil, fmt.Errorf("%q is no attribute TYPE=VALUE", strings.TrimSpace(part))
		case out[name] != "":
			return nil, fmt.Errorf("%s comes twice in %q", name, text)
		}
		out[name] = unescape(strings.TrimSpace(value))
	}
	for _, name := range []string{"C", "ST", "O"} {
		if out[name] == "" {
			return nil, fmt.Errorf("%q has no %s; C, ST and O must be there", text, name)
		}
	}
	return out, nil
}

// splitEscaped splits a text at a character that has no backslash before it.
func splitEscaped(text string, at byte) []string {
	var out []string
	start := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case at:
			out, start = append(out, text[start:i]), i+1
		}
	}
	return append(out, text[start:])
}

// unescape removes the backslashes before characters.
func unescape(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
		}
		out.WriteByte(text[i])
	}
	return out.String()
}
