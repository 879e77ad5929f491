package trace

import (
	"encoding/json"
	"time"

	"github.com/hczjl/transship/distribution/audit"
)

// Report is what an audit says about a run: what was called, how long it took,
// and what the wall clock waited for. As JSON it is for scripts: members stay
// what they are, and new ones may come. Times are milliseconds there, from the
// run's start where they are moments.
type Report struct {
	Run      audit.Run    `json:"run,omitzero"`     // empty where the file does not say
	Format   audit.Format `json:"format"`           // of the file
	Complete bool         `json:"complete"`         // the run has written its end
	Broken   string       `json:"broken,omitempty"` // where the file could not be read on, and why

	Start time.Time    `json:"start"` // of the run, else of the first call
	Wall  audit.Millis `json:"wall"`  // from Start to the end of the run, else of the last call

	Total     Group     `json:"total"`     // all calls of the run
	Hosts     []Host    `json:"hosts"`     // in the order of their first calls
	Refusals  []Refusal `json:"refusals"`  // calls that a policy did not let out, or cut off
	Blobs     []Blob    `json:"blobs"`     // those that took longest, the longest first
	MoreBlobs int       `json:"moreBlobs"` // how many more there are

	Reasons []Reason `json:"reasons"` // what the time of Wall went to, the largest first; together they are all of it
	Path    []Step   `json:"path"`    // the calls that the wall clock waited for, one after another
}

// Group sums up calls.
type Group struct {
	Calls       int         `json:"calls"`       // those that went out
	Retries     int         `json:"retries"`     // calls that were a further attempt of another, and what net/http has sent anew
	Failed      int         `json:"failed"`      // calls that got no answer, or broke off
	Errors      map[int]int `json:"errors"`      // how many answers had a status of 400 and above, by status
	Sent        int64       `json:"sent"`        // bytes of bodies
	Received    int64       `json:"received"`    // bytes of bodies
	Connections int         `json:"connections"` // opened for one of the calls
}

// Host is what went to one host.
type Host struct {
	Host string `json:"host"`
	Group
	Rows []Row `json:"rows"` // by their names
}

// Row is what went to one host for one row of the specification's table of
// endpoints.
type Row struct {
	Row   string `json:"row"`   // as in Entry
	Title string `json:"title"` // for people: audit.RowTitle
	Group
	// Timings has, for each phase and for the whole call ("total"), the
	// quantiles of the calls in which it took place.
	Timings map[Activity]Quantiles `json:"timings"`
}

// Total stands in [Row.Timings] for a call from its start to its end.
const Total Activity = "total"

// Quantiles are of the durations of calls. Median and P99 are durations that
// occurred, by the nearest rank.
type Quantiles struct {
	Calls  int          `json:"calls"`
	Median audit.Millis `json:"median"`
	P99    audit.Millis `json:"p99"`
}

// Refusal is a call that a policy did not let out, or cut off.
type Refusal struct {
	Policy string `json:"policy"`
	Method string `json:"method"`
	Host   string `json:"host"`
	What   string `json:"what"`  // the path, shortened
	Times  int    `json:"times"` // how often
}

// Blob is what one host sent of a blob, or got of it.
type Blob struct {
	Digest string       `json:"digest"`
	Host   string       `json:"host"`
	Sent   bool         `json:"sent"` // to the host; else received from it
	Calls  int          `json:"calls"`
	Bytes  int64        `json:"bytes"` // that passed, of all calls together
	Time   audit.Millis `json:"time"`  // from the requests to the ends of the answers, without making connections
}

// Rate is bytes a second, 0 where no time passed.
func (b Blob) Rate() float64 {
	if b.Time <= 0 {
		return 0
	}
	return float64(b.Bytes) / time.Duration(b.Time).Seconds()
}

// MarshalJSON implements json.Marshaler, with the rate.
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
	Host     string       `json:"host,omitempty"` // where; of Stream where from
	To       string       `json:"to,omitempty"`   // of Stream where to
	Row      string       `json:"row,omitempty"`  // of Send, Wait, Receive and Stream
	Time     audit.Millis `json:"time"`
	Share    float64      `json:"share"` // of Wall, 0 to 1 in steps of 0.0001
	Calls    int          `json:"calls"`
	Bytes    int64        `json:"bytes,omitempty"` // bodies of these calls, of Send, Receive and Stream
	Longest  *Longest     `json:"longest,omitempty"`
}

// Longest is the call that most of a [Reason]'s time went to.
type Longest struct {
	Sequence int64        `json:"sequence"`       // as in Entry
	What     string       `json:"what"`           // the path, shortened
	Blob     string       `json:"blob,omitempty"` // digest of the blob that it was about
	Status   int          `json:"status"`         // 0 when there was no answer
	Time     audit.Millis `json:"time"`           // that it took of the Reason's
}

// Step is one call of the critical path.
type Step struct {
	Sequence int64        `json:"sequence"` // as in Entry
	Method   string       `json:"method"`
	Host     string       `json:"host"`
	Row      string       `json:"row"`              // as in Entry
	What     string       `json:"what"`             // the path, shortened
	Status   int          `json:"status"`           // 0 when there was no answer
	From     audit.Millis `json:"from"`             // from the run's start
	To       audit.Millis `json:"to"`               // from the run's start
	Gap      audit.Millis `json:"gap"`              // before it, in which no call was waited for
	Index    int          `json:"-"`                // of the call: see Trace.Call
	Source   int64        `json:"source,omitempty"` // sequence of the call that received meanwhile the blob that this one sent
}
