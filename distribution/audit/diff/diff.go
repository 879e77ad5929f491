// Package diff compares the calls of two recorded runs. Start from [Read], which reads an audit or
// a HAR of another tool, and [Compare].
package diff

// Result is what differs between two audits. Its JSON is for scripts: members keep their meaning,
// and new ones may come.
type Result struct {
	A       Side       `json:"a"`
	B       Side       `json:"b"`
	Hosts   []HostPair `json:"hosts"`   // hosts of A with the hosts of B that they were compared with
	Changes []Change   `json:"changes"` // in the order of A's calls, then of B's
}

// Side is one of the two audits.
type Side struct {
	Command []string `json:"command"` // of the run
	Calls   int      `json:"calls"`   // number of calls that were compared
}

// HostPair is a host of A and its counterpart in B. If the names differ, both have the same role in
// their run.
type HostPair struct {
	A    string `json:"a"`
	B    string `json:"b"`
	Role string `json:"role"` // "target", "source", "token server" or "storage"
}

// Change is a call, or several alike, that the other audit has differently or not at all.
type Change struct {
	Kind    Kind     `json:"kind"`
	Method  string   `json:"method"`
	Host    string   `json:"host"`              // as in A, if both have it
	Path    string   `json:"path"`              // with its query, "{session}" for an upload session, "{digest}" if it means several digests
	Times   int      `json:"times"`             // number of calls
	Details []Detail `json:"details,omitempty"` // what differs
}

// Kind says how a call changed from A to B.
type Kind string

// The kinds.
const (
	Gone      Kind = "gone"      // only A has it
	Added     Kind = "added"     // only B has it
	Different Kind = "different" // B has it with other details
	Replaced  Kind = "replaced"  // B has a call for another digest instead
)

// Detail is one difference, such as "status", "sent" and "received" (bytes), "error", or a header.
type Detail struct {
	Name string `json:"name"`
	A    string `json:"a"` // empty if A has none
	B    string `json:"b"` // empty if B has none
}

// Equal reports whether both audits have the same calls.
func (r Result) Equal() bool { return len(r.Changes) == 0 }

// Count returns the number of calls of a kind.
func (r Result) Count(k Kind) int {
	n := 0
	for _, c := range r.Changes {
		if c.Kind == k {
			n += c.Times
		}
	}
	return n
}
