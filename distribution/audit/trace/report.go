package trace

import (
	"encoding/json"
	"time"

	"github.com/hczjl/transship/distribution/audit"
)

// Report sums up a run: its calls, how long they took, and what the wall clock waited for. Its JSON
// is for scripts: members keep their meaning, and new ones may come. Times are milliseconds there;
// moments count from the start of the run.
type Report struct {
	Run      audit.Run    `json:"run,omitzero"`     // zero if the file has none
	Format   audit.Format `json:"format"`           // of the file
	Complete bool         `json:"complete"`         // the file has an End
	Broken   string       `json:"broken,omitempty"` // where and why the rest of the file could not be read

	Client string `json:"client,omitempty"` // User-Agent of the first call that has one

	Start time.Time    `json:"start"` // of the run, else of the first call
	Wall  audit.Millis `json:"wall"`  // from Start to the end of the run, else of the last call

	FirstByte Quantiles `json:"firstByte"` // of the time from a request's end to the first byte of the answer, zero without calls

	Total     Group     `json:"total"`     // all calls
	Hosts     []Host    `json:"hosts"`     // in the order of their first calls
	Refusals  []Refusal `json:"refusals"`  // calls that a policy stopped
	Repeated  []Repeat  `json:"repeated"`  // reads that were made more than once, most often first
	Blobs     []Blob    `json:"blobs"`     // those that took longest, in descending order
	MoreBlobs int       `json:"moreBlobs"` // number of blobs that are not listed

	Reasons []Reason `json:"reasons"` // what Wall went to, in descending order; together they are all of it
	Path    []Step   `json:"path"`    // the critical path: the calls that the wall clock waited for, one after another
}

// Group sums up calls.
type Group struct {
	Calls   int         `json:"calls"`   // that were sent
	Retries int         `json:"retries"` // further attempts, and calls that net/http repeated
	Failed  int         `json:"failed"`  // without an answer, or broken off
	Errors  map[int]int `json:"errors"`  // number of responses by status, 400 and above
	// Expected is the number of responses by status that are no errors: 404 to a call that asks whether
	// something is there, and 401 to a call that was repeated with credentials.
	Expected    map[int]int `json:"expected,omitempty"`
	Sent        int64       `json:"sent"`        // bytes of bodies
	Received    int64       `json:"received"`    // bytes of bodies
	Connections int         `json:"connections"` // that these calls opened
}

// Host sums up the calls to a host.
type Host struct {
	Host string `json:"host"`
	Group
	Rows []Row `json:"rows"` // in the order of CompareRows
}

// Row sums up the calls to a host for one row of the specification's table of endpoints.
type Row struct {
	Row   string `json:"row"`   // as in audit.Entry
	Title string `json:"title"` // for people: audit.RowTitle
	Group
	// Timings has the quantiles of each phase, over the calls that had it, and of the whole calls
	// ("total").
	Timings map[Activity]Quantiles `json:"timings"`
}

// Total is the key of whole calls in [Row.Timings].
const Total Activity = "total"

// Quantiles are those of durations of calls, by the nearest rank: each is a duration that occurred.
type Quantiles struct {
	Calls  int          `json:"calls"`
	Median audit.Millis `json:"median"`
	P99    audit.Millis `json:"p99"`
}

// Refusal is a call that a policy refused, or whose body it cut off.
type Refusal struct {
	Policy string `json:"policy"`
	Method string `json:"method"`
	Host   string `json:"host"`
	Path   string `json:"what"`  // path, as in Call
	Times  int    `json:"times"` // number of such calls
}

// Repeat is a read (GET or HEAD) that was made more than once, without one failing: neither attempts
// count, nor answers that ask for credentials, nor ranges.
type Repeat struct {
	Method string `json:"method"`
	Host   string `json:"host"`
	Path   string `json:"what"`  // path, as in Call
	Times  int    `json:"times"` // number of such calls, 2 or more
}

// Blob sums up the bytes of a blob that went to a host, or came from it.
type Blob struct {
	Digest string       `json:"digest"`
	Host   string       `json:"host"`
	Sent   bool         `json:"sent"` // to the host; false for received from it
	Calls  int          `json:"calls"`
	Bytes  int64        `json:"bytes"` // that were transferred, over all calls
	Time   audit.Millis `json:"time"`  // of the requests and responses, without opening connections
}

// Rate returns the bytes per second, 0 if no time passed.
func (b Blob) Rate() float64 {
	if b.Time <= 0 {
		return 0
	}
	return float64(b.Bytes) / time.Duration(b.Time).Seconds()
}

// MarshalJSON implements json.Marshaler. It adds the rate.
func (b Blob) MarshalJSON() ([]byte, error) {
	type plain Blob
	return json.Marshal(struct {
		plain
		Rate int64 `json:"bytesPerSecond"`
	}{plain(b), int64(b.Rate())})
}

// Reason is what a part of the wall clock's time went to.
type Reason struct {
	Activity Activity     `json:"activity"`
	Host     string       `json:"host,omitempty"` // for Stream the host that sends the blob
	To       string       `json:"to,omitempty"`   // for Stream the host that receives it
	Row      string       `json:"row,omitempty"`  // for Send, Wait, Receive and Stream
	Time     audit.Millis `json:"time"`
	Share    float64      `json:"share"` // of Wall, 0 to 1 in steps of 0.0001
	Calls    int          `json:"calls"`
	Bytes    int64        `json:"bytes,omitempty"` // bodies of these calls, for Send, Receive and Stream
	Longest  *Longest     `json:"longest,omitempty"`
}

// Longest is the call with the largest share of a [Reason]'s time.
type Longest struct {
	Sequence int64        `json:"sequence"`       // as in audit.Entry
	Path     string       `json:"what"`           // path, as in Call
	Blob     string       `json:"blob,omitempty"` // digest, as in Call
	Status   int          `json:"status"`         // 0 without an answer
	Time     audit.Millis `json:"time"`           // of the Reason's time
}

// Step is one call of the critical path.
type Step struct {
	Index    int          `json:"-"`        // of the call: see Trace.Call
	Sequence int64        `json:"sequence"` // as in audit.Entry
	Method   string       `json:"method"`
	Host     string       `json:"host"`
	Row      string       `json:"row"`              // as in audit.Entry
	Path     string       `json:"what"`             // path, as in Call
	Status   int          `json:"status"`           // 0 without an answer
	From     audit.Millis `json:"from"`             // moment of its start
	To       audit.Millis `json:"to"`               // moment of its end
	Gap      audit.Millis `json:"gap"`              // time before it in which no call was waited for
	Source   int64        `json:"source,omitempty"` // sequence of the call that received the blob while this one sent it
}
