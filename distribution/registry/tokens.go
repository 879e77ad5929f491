package registry

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// tokenPath is where clients get tokens. No repository's path is the same.
const tokenPath = "/v2/token"

// tokenLifetime is how long a token is valid.
const tokenLifetime = 5 * time.Minute

// tokens makes and checks tokens: the end of their time and a user, "" for anybody, under a MAC with
// a key of this process.
type tokens struct {
	once sync.Once
	key  [32]byte
}

// issue returns a token of a user that is valid until then.
func (t *tokens) issue(user string, until time.Time) string {
	payload := binary.BigEndian.AppendUint64(nil, uint64(until.Unix()))
	payload = append(payload, user...)
	return base64.RawURLEncoding.EncodeToString(append(t.mac(payload), payload...))
}

// user returns the user of a token, and whether it is valid.
func (t *tokens) user(token string) (string, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) < sha256.Size+8 {
		return "", false
	}
	mac, payload := raw[:sha256.Size], raw[sha256.Size:]
	if !hmac.Equal(mac, t.mac(payload)) || int64(binary.BigEndian.Uint64(payload)) < time.Now().Unix() {
		return "", false
	}
	return string(payload[8:]), true
}

func (t *tokens) mac(payload []byte) []byte {
	t.once.Do(func() { _, _ = rand.Read(t.key[:]) }) // never fails
	h := hmac.New(sha256.New, t.key[:])
	h.Write(payload)
	return h.Sum(nil)
}

// serveToken serves GET of a token: the user's if there is a password, anybody's if there is none.
// POST, which has OAuth 2's form, is answered with 405, and clients use GET.
func (b *Basic) serveToken(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", "GET")
		b.refuse(w, r, newError(http.StatusMethodNotAllowed, codeUnsupported, "tokens are got by GET"))
		return
	}
	user, err := b.passwordUser(r)
	if err != nil {
		b.refuse(w, r, err)
		return
	}
	now := time.Now()
	token := b.tokens.issue(user, now.Add(tokenLifetime))
	body, _ := json.Marshal(map[string]any{ // strings and numbers always encode
		"token": token, "access_token": token, "expires_in": int(tokenLifetime.Seconds()),
		"issued_at": now.UTC().Format(time.RFC3339),
	})
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, body)
}
