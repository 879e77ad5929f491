package blob

// Outcome is how a store came to have a blob.
type Outcome int

// The outcomes; the zero value is none of them.
const (
	Exists   Outcome = iota + 1 // it was there already
	Mounted                     // the registry took it over from another of its repositories
	Uploaded                    // its bytes were sent
)

// String returns a word for people: "exists", "mounted" or "uploaded".
func (o Outcome) String() string {
	switch o {
	case Exists:
		return "exists"
	case Mounted:
		return "mounted"
	case Uploaded:
		return "uploaded"
	}
	return "unknown"
}
