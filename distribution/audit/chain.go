package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// link is a record's place in the chain. Its members come last in a record.
type link struct {
	Record   int64  `json:"record"`
	Previous string `json:"previous"` // hash of the record before, empty in the first
}

// chain is where the next record is linked to.
type chain struct{ last link }

// next returns the link of a new record.
func (c *chain) next() link {
	return link{Record: c.last.Record + 1, Previous: c.last.Previous}
}

// seal encodes a record that has the chain's next link in it, with its own
// hash as the last member, and makes it the one that the next is linked to.
// On an error the chain is as before.
func (c *chain) seal(record any, member string) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // URLs stay readable
	if err := encoder.Encode(record); err != nil {
		return nil, err
	}
	content := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	hash := hashOf(content)
	c.last = link{Record: c.last.Record + 1, Previous: hash}
	return append(append(content[:len(content)-1:len(content)-1], tail(member)...), hash+`"}`...), nil
}

// hashOf is the hash of a record without its hash.
func hashOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// tail is what stands before a record's hash.
func tail(member string) string { return `,"` + member + `":"` }

// unseal takes the hash off a record, and tells whether it is the one of what
// is left. ok is false of what has no hash at its end.
func unseal(record []byte, member string) (hash string, intact, ok bool) {
	const size = 2*sha256.Size + 2 // the hash, a quotation mark and a brace
	start := len(record) - size - len(tail(member))
	if start < 1 || !bytes.HasPrefix(record[start:], []byte(tail(member))) || !bytes.HasSuffix(record, []byte(`"}`)) {
		return "", false, false
	}
	hash = string(record[len(record)-size : len(record)-2])
	content := append(bytes.Clone(record[:start]), '}')
	return hash, hashOf(content) == hash, true
}
