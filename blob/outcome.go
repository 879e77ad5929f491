package blob

// Outcome is how a store got a blob.
type Outcome int

// The outcomes, from the cheapest to the most expensive. The zero value is none of them.
const (
	Exists   Outcome = iota + 1 // the store already had it
	Mounted                     // the registry mounted it from another of its repositories
	Uploaded                    // its bytes were sent
)

// String returns "exists", "mounted" or "uploaded".
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
