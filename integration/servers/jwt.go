package servers

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
)

// claims are the payload of a registry's token (distribution spec/auth/jwt). Times are seconds since the epoch.
type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  string   `json:"aud"`
	Expires   int64    `json:"exp"`
	NotBefore int64    `json:"nbf"`
	IssuedAt  int64    `json:"iat"`
	ID        string   `json:"jti"`
	Access    []access `json:"access"`
}

// access is what a token allows on one resource.
type access struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// sign makes a compact JWT (RFC 7519) with ES256 (RFC 7518 section 3.4). The header has the certificate in x5c, so that a
// registry that trusts it needs no key ID.
func (id *identity) sign(c claims) string {
	header := map[string]any{"typ": "JWT", "alg": "ES256", "x5c": [][]byte{id.cert.Raw}}
	text := segment(header) + "." + segment(c)
	hash := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, id.key, hash[:])
	if err != nil {
		panic(err) // the key is sound
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func segment(value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// rawToken is a random name.
func rawToken() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
