package auth

import (
	"strings"
	"testing"
	"time"
)

func TestParseTokenResponse(t *testing.T) {
	tests := []struct{ name, body, token, problem string }{
		{"token", `{"token":"a"}`, "a", ""},
		{"access_token", `{"access_token":"b"}`, "b", ""},
		{"both", `{"token":"a","access_token":"b"}`, "a", ""},
		{"token empty", `{"token":"","access_token":"b"}`, "b", ""},
		{"odd times", `{"token":"a","expires_in":{},"issued_at":17}`, "a", ""},
		{"none", `{}`, "", "no token"},
		{"null", `null`, "", "no token"},
		{"html", `<html>`, "", "not the JSON"},
		{"empty", ``, "", "not the JSON"},
		{"truncated", `{"token":"a`, "", "not the JSON"},
		{"number", `{"token":1}`, "", "not the JSON"},
		{"header injection", `{"token":"a\r\nHost: b"}`, "", "header"},
		{"not ASCII", `{"token":"ä"}`, "", "header"},
		{"huge", `{"token":"` + strings.Repeat("a", maxTokenResponse) + `"}`, "", "longer"},
	}
	for _, test := range tests {
		response, err := parseTokenResponse([]byte(test.body))
		if test.problem == "" && (err != nil || response.Token != test.token) {
			t.Errorf("%s: got %q, %v", test.name, response.Token, err)
		}
		if test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem)) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.problem)
		}
	}
}

func TestTokenLifetime(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const date = "Fri, 02 Jan 2026 13:00:00 GMT" // the server's clock is hours ahead
	tests := []struct {
		name, body, date string
		want             time.Duration // from now until it is renewed
	}{
		{"60 s by default", `{"token":"a"}`, "", 54 * time.Second},
		{"null", `{"token":"a","expires_in":null,"issued_at":null}`, "", 54 * time.Second},
		{"zero", `{"token":"a","expires_in":0}`, "", 54 * time.Second},
		{"negative", `{"token":"a","expires_in":-5}`, "", 54 * time.Second},
		{"docker hub", `{"token":"a","expires_in":300}`, "", 290 * time.Second},
		{"as a string", `{"token":"a","expires_in":"300"}`, "", 290 * time.Second},
		{"fraction", `{"token":"a","expires_in":300.0}`, "", 290 * time.Second},
		{"too long", `{"token":"a","expires_in":1e300}`, "", maxLifetime - maxMargin},
		{"issued before", `{"token":"a","expires_in":300,"issued_at":"2026-01-02T03:03:05Z"}`, "", 230 * time.Second},
		{"issued before, by the server's clock",
			`{"token":"a","expires_in":300,"issued_at":"2026-01-02T12:59:00Z"}`, date, 230 * time.Second},
		{"issued in the future", `{"token":"a","expires_in":300,"issued_at":"2027-01-02T03:04:05Z"}`, "", 290 * time.Second},
		{"expired when issued", `{"token":"a","expires_in":300,"issued_at":"2025-01-02T03:04:05Z"}`, "", 290 * time.Second},
		{"issued_at zero", `{"token":"a","expires_in":300,"issued_at":"0001-01-01T00:00:00Z"}`, "", 290 * time.Second},
		{"issued_at invalid", `{"token":"a","expires_in":300,"issued_at":"today"}`, "", 290 * time.Second},
	}
	for _, test := range tests {
		response, err := parseTokenResponse([]byte(test.body))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		got := response.token(Scope{}, test.date, now).renewAt.Sub(now)
		if got != test.want {
			t.Errorf("%s: renewed after %v, want %v", test.name, got, test.want)
		}
	}
}

func FuzzParseTokenResponse(f *testing.F) {
	f.Add([]byte(`{"token":"a","expires_in":300,"issued_at":"2026-01-02T03:04:05Z"}`), "Fri, 02 Jan 2026 13:00:00 GMT")
	f.Add([]byte(`{"access_token":"b","expires_in":"1e9"}`), "")
	f.Add([]byte(`{"token":"a","expires_in":"NaN","issued_at":{}}`), "x")
	f.Add([]byte(`<html>`), "")
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	f.Fuzz(func(t *testing.T, body []byte, date string) {
		response, err := parseTokenResponse(body)
		if err != nil {
			return
		}
		got := response.token(Scope{}, date, now)
		if got.value == "" || strings.ContainsAny(got.value, " \r\n") {
			t.Errorf("token %q", got.value)
		}
		if left := got.renewAt.Sub(now); left > maxLifetime || left < -maxMargin {
			t.Errorf("a life of %v", left)
		}
	})
}
