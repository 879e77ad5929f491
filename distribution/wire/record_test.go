package wire

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// calls keeps the calls of an OnCall. It has no lock, since Record must not call OnCall
// concurrently.
type calls []Call

func (c *calls) add(call Call) { *c = append(*c, call) }

// withoutDetails excludes from a comparison what the tests in recorddetails_test.go compare.
var withoutDetails = cmpopts.IgnoreFields(Call{}, "Start", "Duration", "Timings", "Endpoint", "Protocol", "RequestHeader",
	"ResponseHeader", "SentDigest", "ReceivedDigest", "Peer", "Local")

func TestRecordReportsCall(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, "%04d", n)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	tests := map[string]struct {
		method string
		body   io.Reader
		want   Call
	}{
		"nil body":        {"GET", nil, Call{Received: 4}},
		"http.NoBody":     {"POST", http.NoBody, Call{Received: 4}},
		"HEAD":            {"HEAD", nil, Call{}},
		"known length":    {"PUT", strings.NewReader("seven b"), Call{Sent: 7, Received: 4}},
		"unknown length":  {"PATCH", io.MultiReader(strings.NewReader("seven b")), Call{Sent: 7, Received: 4}},
		"empty but known": {"PUT", strings.NewReader(""), Call{Received: 4}},
	}
	for name, test := range tests {
		var got calls
		record := &Recorder{Base: new(Transport), OnCall: got.add}
		before := time.Now()
		resp, err := record.RoundTrip(newRequest(t, test.method, server.URL+"/v2/?digest=d&_state=secret", test.body))
		if err != nil {
			t.Fatal(err)
		}
		if reported := len(got) == 1; reported != (test.method == "HEAD") {
			t.Errorf("%s: reported before the body was read: %v", name, reported)
		}
		readAll(t, resp)
		want := test.want
		want.Sequence, want.Attempt, want.Method, want.Host, want.StatusCode = 1, 1, test.method, host, 201
		want.URL = server.URL + "/v2/?digest=d&_state=REDACTED"
		if diff := cmp.Diff(calls{want}, got, withoutDetails); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", name, diff)
			continue
		}
		c := got[0]
		if c.Start.Before(before) || c.Duration <= 0 || c.Duration > time.Since(before) {
			t.Errorf("%s: start %v, end after %v", name, c.Start, c.Duration)
		}
	}
}

func TestRecordKeepsKindOfBody(t *testing.T) {
	type body struct{ IsNil, IsNoBody, HasGetBody bool }
	tests := map[string]struct {
		body   io.Reader
		change func(*http.Request)
		want   body
	}{
		"nil":        {nil, nil, body{IsNil: true}},
		"NoBody":     {http.NoBody, nil, body{IsNoBody: true}},
		"empty":      {strings.NewReader(""), nil, body{IsNoBody: true, HasGetBody: true}},
		"GetBody":    {strings.NewReader("x"), nil, body{HasGetBody: true}},
		"no GetBody": {strings.NewReader("x"), func(r *http.Request) { r.GetBody = nil }, body{}},
		"stream":     {io.MultiReader(strings.NewReader("x")), nil, body{}},
	}
	for name, test := range tests {
		req := newRequest(t, "PUT", "https://registry.example/", test.body)
		if test.change != nil {
			test.change(req)
		}
		original := *req
		record := &Recorder{OnCall: func(Call) {}, Base: responder(func(r *http.Request) *http.Response {
			got := body{r.Body == nil, r.Body == http.NoBody, r.GetBody != nil}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s: (-want +got):\n%s", name, diff)
			}
			if r.ContentLength != original.ContentLength {
				t.Errorf("%s: length %d, want %d", name, r.ContentLength, original.ContentLength)
			}
			return answer(r, 200, "")
		})}
		if _, err := record.RoundTrip(req); err != nil {
			t.Fatal(err)
		}
		if req.Body != original.Body {
			t.Errorf("%s: the caller's request was changed", name)
		}
	}
}

func TestRecordCountsRepeatedBody(t *testing.T) {
	var got calls
	record := &Recorder{OnCall: got.add, Base: responder(func(req *http.Request) *http.Response {
		io.Copy(io.Discard, req.Body)
		again, err := req.GetBody()
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, again)
		return answer(req, 201, "")
	})}
	resp, err := record.RoundTrip(newRequest(t, "PUT", "https://registry.example/", strings.NewReader("seven b")))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if len(got) != 1 || got[0].Sent != 14 {
		t.Errorf("calls %+v, want one with 14 bytes sent", got)
	}
}

func TestRecordReportsAtEndOfBody(t *testing.T) {
	broken := errors.New("broken")
	tests := map[string]struct {
		body io.Reader
		use  func(io.ReadCloser)
		want Call
	}{
		"early Close": {strings.NewReader("seven b"),
			func(b io.ReadCloser) { b.Read(make([]byte, 3)); b.Close(); b.Close() }, Call{Received: 3}},
		"EOF": {strings.NewReader("seven b"),
			func(b io.ReadCloser) { io.ReadAll(b) }, Call{Received: 7}},
		"EOF and Close": {strings.NewReader("seven b"),
			func(b io.ReadCloser) { io.ReadAll(b); b.Read(nil); b.Close() }, Call{Received: 7}},
		"error": {io.MultiReader(strings.NewReader("seven b"), iotest.ErrReader(broken)),
			func(b io.ReadCloser) { io.ReadAll(b); b.Close() }, Call{Received: 7, Err: broken}},
	}
	for name, test := range tests {
		var got calls
		record := &Recorder{OnCall: got.add, Base: responder(func(req *http.Request) *http.Response {
			return newResponse(req, 200, 0, io.NopCloser(test.body))
		})}
		resp, err := record.RoundTrip(newRequest(t, "GET", "https://registry.example/", nil))
		if err != nil {
			t.Fatal(err)
		}
		test.use(resp.Body)
		want := test.want
		want.Sequence, want.Attempt, want.Method, want.Host, want.StatusCode = 1, 1, "GET", "registry.example", 200
		want.URL = "https://registry.example/"
		if diff := cmp.Diff(calls{want}, got, withoutDetails, cmpopts.EquateErrors()); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", name, diff)
		}
	}
}

func TestRecordReportsError(t *testing.T) {
	broken := errors.New("broken")
	var got calls
	record := &Recorder{OnCall: got.add, Base: failing(broken)}
	const url = "https://registry.example/"
	_, err := record.RoundTrip(newRequest(t, "GET", url, nil))
	want := calls{{Sequence: 1, Attempt: 1, Method: "GET", URL: url, Host: "registry.example", Err: broken}}
	if diff := cmp.Diff(want, got, withoutDetails, cmpopts.EquateErrors()); diff != "" || err != broken {
		t.Errorf("error %v, calls (-want +got):\n%s", err, diff)
	}
}

// The chain of the package comment reports a failed attempt, its repetition and a redirect.
func TestRecordReportsEveryAttemptAndHop(t *testing.T) {
	var failed atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/blob" && !failed.Swap(true):
			w.WriteHeader(http.StatusBadGateway)
		case r.URL.Path == "/blob":
			http.Redirect(w, r, "/storage?sig=secret", http.StatusTemporaryRedirect)
		default:
			io.WriteString(w, "content")
		}
	}))
	defer server.Close()
	var got calls
	client := &http.Client{
		CheckRedirect: RedirectRules{}.CheckRedirect,
		Transport: &Retry{Sleep: noSleep(nil), Base: &Loopback{Base: &Headers{
			Base: &Recorder{OnCall: got.add, Base: &Timeout{Base: new(Transport)}}}}},
	}
	resp, err := client.Get(strings.Replace(server.URL, "http", "https", 1) + "/blob")
	if err != nil {
		t.Fatal(err)
	}
	readAll(t, resp)
	var lines []string
	for _, c := range got {
		lines = append(lines, fmt.Sprintf("%d.%d %s %s %d", c.Sequence, c.Attempt, c.Method, c.URL, c.StatusCode))
	}
	want := []string{
		"1.1 GET " + server.URL + "/blob 502",
		"2.2 GET " + server.URL + "/blob 307",
		"3.1 GET " + server.URL + "/storage?sig=REDACTED 200",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRecordCountsConcurrentCalls(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
	defer server.Close()
	var got calls
	record := &Recorder{Base: new(Transport), OnCall: got.add}
	const n = 50
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			resp, err := record.RoundTrip(newRequest(t, "PUT", server.URL, strings.NewReader("seven b")))
			if err != nil {
				t.Error(err)
				return
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		})
	}
	group.Wait()
	slices.SortFunc(got, func(a, b Call) int { return int(a.Sequence - b.Sequence) })
	for i, c := range got {
		if c.Sequence != int64(i+1) || c.Sent != 7 || c.Received != 7 {
			t.Errorf("call %d: %+v", i, c)
		}
	}
	if len(got) != n {
		t.Errorf("%d calls, want %d", len(got), n)
	}
}

func TestRecordWithoutOnCallPassesRequest(t *testing.T) {
	req := newRequest(t, "PUT", "https://registry.example/", strings.NewReader("x"))
	record := &Recorder{Base: responder(func(r *http.Request) *http.Response {
		if r != req {
			t.Error("the request was copied")
		}
		return answer(r, 200, "")
	})}
	if _, err := record.RoundTrip(req); err != nil {
		t.Fatal(err)
	}
}
