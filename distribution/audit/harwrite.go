package audit

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// harEncoder encodes HAR. The trailer of each entry closes the document.
type harEncoder struct{ entries int }

// harClose closes a document that has no end record yet.
const harClose = "\n]}}\n"

func (*harEncoder) begin(c *chain, r Run) (head, trailer []byte, err error) {
	creator, err := json.Marshal(harCreator{r.Tool, r.Version})
	if err != nil {
		return nil, nil, err
	}
	run, err := c.seal(harRun{r, harLink(c.next())}, harHashMember)
	if err != nil {
		return nil, nil, err
	}
	head = append([]byte(`{"log":{"version":"1.2","creator":`), creator...)
	head = append(append(head, `,"_run":`...), run...)
	return append(head, ",\n\"entries\":[\n"...), []byte(harClose), nil
}

func (h *harEncoder) entry(c *chain, e Entry) (record, trailer []byte, err error) {
	out := toHAR(e)
	out.harLink = harLink(c.next())
	record, err = c.seal(out, harHashMember)
	if h.entries++; h.entries > 1 {
		record = append([]byte(",\n"), record...)
	}
	return record, []byte(harClose), err
}

func (*harEncoder) end(c *chain, e End) (record, trailer []byte, err error) {
	record, err = c.seal(harEnd{e, harLink(c.next())}, harHashMember)
	return append([]byte("\n],\"_end\":"), record...), []byte("}}\n"), err
}

func toHAR(e Entry) harEntry {
	return harEntry{
		Started:    e.Start.UTC().Format(time.RFC3339Nano),
		Time:       millis(e.Timings.Total()),
		Request:    toHARRequest(e),
		Response:   toHARResponse(e),
		Timings:    toHARTimings(e.Timings),
		ServerIP:   ipOf(e.Peer),
		Connection: portOf(e.Local),
		Comment:    e.Error,
		harCustom: harCustom{
			Sequence: e.Sequence, Attempt: e.Attempt, Why: e.Why, Row: e.Row, Peer: e.Peer, Local: e.Local, TLS: e.TLS,
			Reused: e.Reused, Resent: e.Resent, Congestion: e.Congestion, Error: e.Error, Refused: e.Refused,
			RequestDigest:  harDigest{e.Request.Digest, e.Request.DigestBy},
			ResponseDigest: harDigest{e.Response.Digest, e.Response.DigestBy},
		},
	}
}

func toHARRequest(e Entry) harRequest {
	return harRequest{
		Method:      e.Method,
		URL:         e.URL,
		HTTPVersion: e.Protocol,
		Cookies:     []struct{}{},
		Headers:     toHARHeaders(e.Request.Headers),
		QueryString: toHARQuery(e.URL),
		HeadersSize: -1,
		BodySize:    float64(e.Request.Bytes),
	}
}

func toHARResponse(e Entry) harResponse {
	return harResponse{
		Status:      float64(e.Status),
		StatusText:  http.StatusText(e.Status),
		HTTPVersion: e.Protocol,
		Cookies:     []struct{}{},
		Headers:     toHARHeaders(e.Response.Headers),
		Content:     harContent{float64(e.Response.Bytes), e.Response.Headers.Get("Content-Type")},
		RedirectURL: redirectURL(e),
		HeadersSize: -1,
		BodySize:    float64(e.Response.Bytes),
	}
}

// redirectURL is the Location of a redirect. HAR has no member for the Location of an upload.
func redirectURL(e Entry) string {
	if e.Status/100 != 3 {
		return ""
	}
	return e.Response.Headers.Get("Location")
}

// toHARHeaders lists headers sorted by name, the values of a name in their order.
func toHARHeaders(h http.Header) []harHeader {
	out := []harHeader{}
	for name, values := range h {
		for _, value := range values {
			out = append(out, harHeader{name, value})
		}
	}
	slices.SortStableFunc(out, func(a, b harHeader) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// toHARQuery lists the query parameters of a URL, sorted by name.
func toHARQuery(text string) []harHeader {
	out := []harHeader{}
	u, err := url.Parse(text)
	if err != nil {
		return out
	}
	query := u.Query()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		for _, value := range query[name] {
			out = append(out, harHeader{name, value})
		}
	}
	return out
}

func toHARTimings(t Timings) harTimings {
	orAbsent := func(d time.Duration) float64 {
		if d == 0 {
			return -1
		}
		return millis(d)
	}
	return harTimings{
		Blocked: orAbsent(t.Blocked), DNS: orAbsent(t.DNS), Connect: orAbsent(t.Connect + t.TLS), SSL: orAbsent(t.TLS),
		Send: millis(t.Send), Wait: millis(t.Wait), Receive: millis(t.Receive),
	}
}

// ipOf is the IP address of a peer, without the zone of IPv6, which HAR does not have.
func ipOf(peer string) string {
	p, err := netip.ParseAddrPort(peer)
	if err != nil {
		return ""
	}
	return p.Addr().WithZone("").String()
}

func portOf(local string) string {
	p, err := netip.ParseAddrPort(local)
	if err != nil {
		return ""
	}
	return strconv.Itoa(int(p.Port()))
}
