package audit

// The members of HAR 1.2 that this package writes or reads. Numbers are floats, because some tools
// write fractions where the specification has integers.
type (
	harCreator struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}

	harEntry struct {
		Started    string      `json:"startedDateTime"`
		Time       float64     `json:"time"`
		Request    harRequest  `json:"request"`
		Response   harResponse `json:"response"`
		Cache      struct{}    `json:"cache"`
		Timings    harTimings  `json:"timings"`
		ServerIP   string      `json:"serverIPAddress,omitempty"`
		Connection string      `json:"connection,omitempty"`
		Comment    string      `json:"comment,omitempty"`
		harCustom
		harLink
	}

	// harCustom has the custom fields, for what HAR has no member.
	harCustom struct {
		Sequence       int64     `json:"_sequence,omitempty"`
		Attempt        int       `json:"_attempt,omitempty"`
		Why            Why       `json:"_why,omitzero"`
		Row            string    `json:"_row,omitempty"`
		Peer           string    `json:"_peer,omitempty"`
		Local          string    `json:"_local,omitempty"`
		TLS            TLS       `json:"_tls,omitzero"`
		Reused         bool      `json:"_reused,omitempty"`
		Congestion     string    `json:"_congestion,omitempty"`
		Resent         int       `json:"_resent,omitempty"`
		Error          string    `json:"_error,omitempty"`
		Refused        string    `json:"_refused,omitempty"`
		RequestDigest  harDigest `json:"_requestDigest,omitzero"`
		ResponseDigest harDigest `json:"_responseDigest,omitzero"`
	}

	harDigest struct {
		Digest string `json:"digest"`
		By     string `json:"by"`
	}

	// harLink is a link with the names of custom fields.
	harLink struct {
		Record   int64  `json:"_record"`
		Previous string `json:"_previous"`
	}

	harRun struct {
		Run
		harLink
	}

	harEnd struct {
		End
		harLink
	}

	harRequest struct {
		Method      string      `json:"method"`
		URL         string      `json:"url"`
		HTTPVersion string      `json:"httpVersion"`
		Cookies     []struct{}  `json:"cookies"`
		Headers     []harHeader `json:"headers"`
		QueryString []harHeader `json:"queryString"`
		HeadersSize float64     `json:"headersSize"`
		BodySize    float64     `json:"bodySize"`
	}

	harResponse struct {
		Status      float64     `json:"status"`
		StatusText  string      `json:"statusText"`
		HTTPVersion string      `json:"httpVersion"`
		Cookies     []struct{}  `json:"cookies"`
		Headers     []harHeader `json:"headers"`
		Content     harContent  `json:"content"`
		RedirectURL string      `json:"redirectURL"`
		HeadersSize float64     `json:"headersSize"`
		BodySize    float64     `json:"bodySize"`
	}

	harContent struct {
		Size     float64 `json:"size"`
		MimeType string  `json:"mimeType"`
	}

	harHeader struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}

	// harTimings are milliseconds, -1 for a phase that did not take place. Connect includes SSL.
	harTimings struct {
		Blocked float64 `json:"blocked"`
		DNS     float64 `json:"dns"`
		Connect float64 `json:"connect"`
		Send    float64 `json:"send"`
		Wait    float64 `json:"wait"`
		Receive float64 `json:"receive"`
		SSL     float64 `json:"ssl"`
	}
)

// harHashMember is the name of a record's last member.
const harHashMember = "_hash"
