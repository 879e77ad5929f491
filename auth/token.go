package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hczjl/transship/distribution/wire"
)

const (
	// clientID is the client_id of token requests.
	clientID = "transship"

	// maxTokenResponse is the maximum size of a token response in bytes. Real ones are far smaller,
	// since a token must fit into a header.
	maxTokenResponse = 256 << 10

	// defaultLifetime is the lifetime of a token whose response has no expires_in
	// (spec/auth/token).
	defaultLifetime = 60 * time.Second

	// maxLifetime limits expires_in, so that the arithmetic cannot overflow.
	maxLifetime = 365 * 24 * time.Hour

	// maxMargin is how long before its end a token is renewed, or a tenth of its lifetime if that
	// is shorter.
	maxMargin = 10 * time.Second
)

// token is an access token.
type token struct {
	value    string
	scope    Scope // the requested one
	obtained time.Time
	renewAt  time.Time // it is not used from then on
}

// tokenServer is the server that a registry's challenge names.
type tokenServer struct {
	client    *http.Client
	host      string   // the registry, for messages
	registry  *url.URL // a URL of the registry
	realm     *url.URL
	service   string
	userAgent string // User-Agent, "" for the default
	now       func() time.Time
	onSend    func(realm *url.URL) // called before credentials are sent
}

// token requests a token. An identity token is sent by POST (OAuth2), everything else by GET. If
// the server does not support POST, which spec/auth/oauth allows and several clouds do not, a
// password is then sent by GET. Refusals and invalid responses are an *Error.
func (s *tokenServer) token(ctx context.Context, cred Credential, scope Scope) (token, error) {
	if err := checkRealm(s.registry, s.realm); err != nil {
		return token{}, s.newError(cred, scope, 0, err)
	}
	if !cred.Anonymous() {
		s.onSend(s.realm)
	}
	if cred.IdentityToken != "" {
		t, err := s.post(ctx, cred, scope)
		if err == nil || cred.Password == "" || !rejectsPost(err) {
			return t, err
		}
	}
	return s.get(ctx, cred, scope)
}

// rejectsPost reports whether err can mean that the token server does not support OAuth2: 404
// (GCR), 401 (Artifactory), 400 (ACR), 405.
func rejectsPost(err error) bool {
	var e *Error
	return denied(err) || errors.As(err, &e) &&
		(e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed)
}

// get sends the token request of spec/auth/token, with one scope parameter for each entry of the
// scope.
func (s *tokenServer) get(ctx context.Context, cred Credential, scope Scope) (token, error) {
	query := url.Values{"client_id": {clientID}}
	if s.service != "" {
		query.Set("service", s.service)
	}
	if cred.Username != "" {
		query.Set("account", cred.Username)
	}
	for _, entry := range scope.entries() {
		query.Add("scope", entry)
	}
	u := *s.realm
	u.RawQuery = strings.TrimPrefix(u.RawQuery+"&"+query.Encode(), "&")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return token{}, s.newError(cred, scope, 0, err)
	}
	if cred.Username != "" {
		req.Header.Set("Authorization", cred.basicHeader())
	}
	return s.send(req, cred, scope)
}

// post sends the token request of spec/auth/oauth with an identity token. The scope's entries are
// joined by spaces.
func (s *tokenServer) post(ctx context.Context, cred Credential, scope Scope) (token, error) {
	form := url.Values{
		"grant_type":    {"refresh_token"},
		"refresh_token": {cred.IdentityToken},
		"service":       {s.service},
		"client_id":     {clientID},
	}
	if !scope.Empty() {
		form.Set("scope", scope.String())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.realm.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return token{}, s.newError(cred, scope, 0, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.send(req, cred, scope)
}

// send sends a token request. A response that breaks off is requested once more: wire.Retry only
// sees that its header has come.
func (s *tokenServer) send(req *http.Request, cred Credential, scope Scope) (token, error) {
	req.Header.Set("Accept", "application/json")
	setUserAgent(req, s.userAgent)
	t, err := s.sendOnce(req, cred, scope)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		return t, err
	}
	again := req.Clone(req.Context())
	if req.GetBody != nil {
		again.Body, _ = req.GetBody() // of a strings.Reader, which does not fail
	}
	return s.sendOnce(again, cred, scope)
}

func (s *tokenServer) sendOnce(req *http.Request, cred Credential, scope Scope) (token, error) {
	resp, err := s.client.Do(req)
	if err != nil {
		return token{}, fmt.Errorf("%s: requesting a token: %w", s.host, redactURLError(req, cred, err))
	}
	defer wire.Drain(resp)
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenResponse+1))
	if err != nil {
		return token{}, fmt.Errorf("%s: reading the response of token server %s: %w", s.host, displayURL(s.realm), err)
	}
	if resp.StatusCode != http.StatusOK {
		refusal := s.newError(cred, scope, resp.StatusCode, nil)
		refusal.Message = serverMessage([]byte(cred.redact(string(body), displayURL(s.realm))))
		return token{}, refusal
	}
	response, err := parseTokenResponse(body)
	if err != nil {
		return token{}, s.newError(cred, scope, resp.StatusCode, err)
	}
	return response.token(scope, resp.Header.Get("Date"), s.now()), nil
}

func (s *tokenServer) newError(cred Credential, scope Scope, status int, err error) *Error {
	return &Error{
		Host:   s.host,
		Realm:  displayURL(s.realm),
		Scope:  scope,
		Status: status,
		User:   cred.user(),
		Source: cred.Source,
		Err:    err,
	}
}

// setUserAgent sets the User-Agent of a token request or ping to that of the caller's request.
func setUserAgent(req *http.Request, userAgent string) {
	if userAgent != "" {
		req.Header.Set("User-Agent", userAgent)
	}
}

// followSameHost is the redirect policy for token requests, which have secrets: only to the same
// host, and never from https to http.
func followSameHost(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	sameHost := canonicalHost(first.Scheme, first.Host) == canonicalHost(req.URL.Scheme, req.URL.Host)
	if !sameHost || len(via) > 5 || (first.Scheme == "https" && req.URL.Scheme != "https") {
		return http.ErrUseLastResponse
	}
	return nil
}

// tokenResponse is a token server's response. Its times can be strings instead of numbers
// (distribution #1746).
type tokenResponse struct {
	Token       string          `json:"token"`
	AccessToken string          `json:"access_token"`
	ExpiresIn   json.RawMessage `json:"expires_in"`
	IssuedAt    json.RawMessage `json:"issued_at"`
}

// parseTokenResponse parses a response. The token is in token, access_token or both.
func parseTokenResponse(body []byte) (tokenResponse, error) {
	var response tokenResponse
	if len(body) > maxTokenResponse {
		return response, fmt.Errorf("the response is longer than %d bytes", maxTokenResponse)
	}
	if err := json.Unmarshal(body, &response); err != nil {
		return response, fmt.Errorf("the response is not the JSON of a token: %w", err)
	}
	if response.Token == "" {
		response.Token = response.AccessToken
	}
	if response.Token == "" {
		return response, errors.New("the response has no token")
	}
	if strings.ContainsFunc(response.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return response, errors.New("the token has characters that are not allowed in a header")
	}
	return response, nil
}

// token returns the token of a response received at now; date is its Date header.
func (r tokenResponse) token(scope Scope, date string, now time.Time) token {
	lifetime := r.lifetime()
	margin := min(maxMargin, lifetime/10)
	end := now.Add(lifetime - r.age(date, now, lifetime))
	return token{value: r.Token, scope: scope, obtained: now, renewAt: end.Add(-margin)}
}

// lifetime returns expires_in, which is in seconds.
func (r tokenResponse) lifetime() time.Duration {
	seconds, err := strconv.ParseFloat(strings.Trim(string(r.ExpiresIn), `"`), 64)
	if err != nil || !(seconds > 0) {
		return defaultLifetime
	}
	return time.Duration(min(seconds, maxLifetime.Seconds()) * float64(time.Second))
}

// age returns how long before now the token was issued. It compares issued_at with the server's own
// clock, the Date header, so that a wrong local clock has no effect. An impossible age counts as 0.
func (r tokenResponse) age(date string, now time.Time, lifetime time.Duration) time.Duration {
	var issued time.Time
	if json.Unmarshal(r.IssuedAt, &issued) != nil || issued.IsZero() {
		return 0
	}
	if server, err := http.ParseTime(date); err == nil {
		now = server
	}
	if age := now.Sub(issued); age > 0 && age < lifetime {
		return age
	}
	return 0
}
