// Package diff finds what two recorded runs do not have in common. [Read] reads a record, package audit's or another
// tool's HAR, and [Compare] compares two.
package diff

// Result is what two audits do not have in common. As JSON it is for
// scripts: members stay what they are, and new ones may come.
type Result struct {
	A       Side       `json:"a"`
	B       Side       `json:"b"`
	Hosts   []HostPair `json:"hosts"`   // hosts of A, and which of B they were compared with
	Changes []Change   `json:"changes"` // in the order of A's calls, then of B's
}

// Side is one of two audits.
type Side struct {
	Command []string `json:"command"` // of the run
	Calls   int      `json:"calls"`   // how many were compared
}

// HostPair is a host in each of two audits. Where the names differ, both have
// the same role: the runs wrote to both, or only read, or got tokens there, or
// were redirected there.
type HostPair struct {
	A    string `json:"a"`
	B    string `json:"b"`
	Role string `json:"role"` // "target", "source", "token server" or "storage"
}

// Change is a call, or several alike, that one of two audits has in another
// way, or does not have.
type Change struct {
	Kind    Kind     `json:"kind"`
	Method  string   `json:"method"`
	Host    string   `json:"host"`  // as in A, where both have it
	Path    string   `json:"path"`  // with its query; "{session}" stands for an upload session, and "{digest}" where calls of several are meant
	Times   int      `json:"times"` // how many calls
	Details []Detail `json:"details,omitempty"`
}

// Kind says what became of a call from the first audit to the second.
type Kind string

// The kinds.
const (
	Gone      Kind = "gone"      // only A has it
	Added     Kind = "added"     // only B has it
	Different Kind = "different" // B has it with other details
	Replaced  Kind = "replaced"  // B has one for another digest in its place
)

// Detail is one thing that differs: "status", "sent" and "received" (bytes),
// "error", the digests of bodies, a header and the like.
type Detail struct {
	Name string `json:"name"`
	A    string `json:"a"` // empty where A has none
	B    string `json:"b"` // empty where B has none
}

// Equal tells whether both audits have the same calls.
func (d Result) Equal() bool { return len(d.Changes) == 0 }

// Count is how many calls are of a kind.
func (d Result) Count(k Kind) int {
	n := 0
	for _, c := range d.Changes {
		if c.Kind == k {
			n += c.Times
		}
	}
	return n
}
