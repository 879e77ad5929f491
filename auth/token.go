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
)

const (
	// clientID names this client to token servers, for their logs.
	clientID = "transship"

	// maxReply bounds a token server's reply, in bytes. A token has to fit into
	// a header, so that real ones stay far below.
	maxReply = 256 << 10

	// defaultLife is a token's life when the reply does not tell.
	defaultLife = 60 * time.Second

	// maxLife guards the arithmetic against replies that promise centuries.
	maxLife = 365 * 24 * time.Hour

	// maxMargin is the longest time before its end that a token is renewed; a
	// tenth of a shorter token's life.
	maxMargin = 10 * time.Second
)

// token is an access token.
type token struct {
	text     string
	scope    Scope // what it was asked for
	obtained time.Time
	renew    time.Time // from when on it is no longer used
}

// tokenServer is the server that a registry's challenge names.
type tokenServer struct {
	client   *http.Client
	host     string   // the registry, for messages
	registry *url.URL // a URL of the registry
	realm    *url.URL
	service  string
	agent    string // User-Agent, "" for the default
	now      func() time.Time
}

// token asks for a token. An identity token goes by POST (OAuth2); where the
// server does not have that, as spec/auth/oauth warns and several clouds show,
// and there is a password, GET is next. Everything else goes by GET. Refusals
// and unusable replies are an *Error.
func (s *tokenServer) token(ctx context.Context, cred Credential, scope Scope) (token, error) {
	if err := checkRealm(s.registry, s.realm); err != nil {
		return token{}, s.failed(cred, scope, 0, err)
	}
	if cred.IdentityToken != "" {
		t, err := s.post(ctx, cred, scope)
		if err == nil || cred.Password == "" || !noPost(err) {
			return t, err
		}
	}
	return s.get(ctx, cred, scope)
}

// noPost reports whether err is how token servers say that they do not do
// OAuth2: 404 (GCR), 401 (Artifactory), 400 (ACR), 405.
func noPost(err error) bool {
	var e *Error
	return denied(err) || errors.As(err, &e) &&
		(e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed)
}

// get is the token request of spec/auth/token, with one scope parameter for
// each entry of the scope.
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
		return token{}, s.failed(cred, scope, 0, err)
	}
	if cred.Username != "" {
		req.Header.Set("Authorization", cred.basic())
	}
	return s.send(req, cred, scope)
}

// post is the token request of spec/auth/oauth with an identity token, the
// scope's entries joined by spaces.
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
		return token{}, s.failed(cred, scope, 0, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.send(req, cred, scope)
}

func (s *tokenServer) send(req *http.Request, cred Credential, scope Scope) (token, error) {
	req.Header.Set("Accept", "application/json")
	setAgent(req, s.agent)
	resp, err := s.client.Do(req)
	if err != nil {
		return token{}, fmt.Errorf("%s: asking for a token: %w", s.host, withoutURL(req, cred, err))
	}
	defer discard(resp)
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	if err != nil {
		return token{}, fmt.Errorf("%s: reading the reply of token server %s: %w", s.host, shown(s.realm), err)
	}
	if resp.StatusCode != http.StatusOK {
		refused := s.failed(cred, scope, resp.StatusCode, nil)
		refused.Message = serverMessage([]byte(cred.redact(string(body))))
		return token{}, refused
	}
	reply, err := parseReply(body)
	if err != nil {
		return token{}, s.failed(cred, scope, resp.StatusCode, err)
	}
	return reply.token(scope, resp.Header.Get("Date"), s.now()), nil
}

func (s *tokenServer) failed(cred Credential, scope Scope, status int, err error) *Error {
	return &Error{
		Host:   s.host,
		Realm:  shown(s.realm),
		Scope:  scope,
		Status: status,
		User:   cred.user(),
		Source: cred.Source,
		Err:    err,
	}
}

// setAgent makes a request of our own look like the caller's.
func setAgent(req *http.Request, agent string) {
	if agent != "" {
		req.Header.Set("User-Agent", agent)
	}
}

// followOnHost is the redirect policy for token requests: what carries a secret
// goes on to the same host only, and never from https to http.
func followOnHost(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	sameHost := canonicalHost(first.Scheme, first.Host) == canonicalHost(req.URL.Scheme, req.URL.Host)
	if !sameHost || len(via) > 5 || (first.Scheme == "https" && req.URL.Scheme != "https") {
		return http.ErrUseLastResponse
	}
	return nil
}

// tokenReply is a token server's reply. Its times are read leniently: numbers
// come as strings too (distribution #1746).
type tokenReply struct {
	Token       string          `json:"token"`
	AccessToken string          `json:"access_token"`
	ExpiresIn   json.RawMessage `json:"expires_in"`
	IssuedAt    json.RawMessage `json:"issued_at"`
}

// parseReply reads a reply, in which the token is under token, access_token or
// both.
func parseReply(body []byte) (tokenReply, error) {
	var reply tokenReply
	if len(body) > maxReply {
		return reply, fmt.Errorf("the reply is longer than %d bytes", maxReply)
	}
	if err := json.Unmarshal(body, &reply); err != nil {
		return reply, fmt.Errorf("the reply is not the JSON of a token: %w", err)
	}
	if reply.Token == "" {
		reply.Token = reply.AccessToken
	}
	if reply.Token == "" {
		return reply, errors.New("the reply holds no token")
	}
	if strings.ContainsFunc(reply.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return reply, errors.New("the reply's token cannot stand in a header")
	}
	return reply, nil
}

// token makes a token of the reply, which came at now with the given Date
// header.
func (r tokenReply) token(scope Scope, date string, now time.Time) token {
	life := r.life()
	margin := min(maxMargin, life/10)
	end := now.Add(life - r.age(date, now, life))
	return token{text: r.Token, scope: scope, obtained: now, renew: end.Add(-margin)}
}

// life is expires_in, in seconds.
func (r tokenReply) life() time.Duration {
	seconds, err := strconv.ParseFloat(strings.Trim(string(r.ExpiresIn), `"`), 64)
	if err != nil || !(seconds > 0) {
		return defaultLife
	}
	return time.Duration(min(seconds, maxLife.Seconds()) * float64(time.Second))
}

// age is how long before now the token was issued: issued_at as seen by the
// server's own clock, its Date header, so that a wrong clock here does no harm.
// An age that makes no sense is none.
func (r tokenReply) age(date string, now time.Time, life time.Duration) time.Duration {
	var issued time.Time
	if json.Unmarshal(r.IssuedAt, &issued) != nil || issued.IsZero() {
		return 0
	}
	if server, err := http.ParseTime(date); err == nil {
		now = server
	}
	if age := now.Sub(issued); age > 0 && age < life {
		return age
	}
	return 0
}
