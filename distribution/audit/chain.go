package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// link is a record's place in the chain. Its members are the last ones before the hash.
type link struct {
	Record   int64  `json:"record"`
	Previous string `json:"previous"` // hash of the record before, empty in the first record
}

// chain is a hash chain that grows. last has the number and the hash of its last record.
type chain struct{ last link }

// next returns the link of the next record.
func (c *chain) next() link {
	return link{Record: c.last.Record + 1, Previous: c.last.Previous}
}

// seal encodes a record, which holds the chain's next link, appends the record's hash as its last
// member, and advances the chain. The chain does not advance on an error.
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
	return append(append(content[:len(content)-1:len(content)-1], hashPrefix(member)...), hash+`"}`...), nil
}

// hashOf returns the hash of a record from its bytes without the hash.
func hashOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// hashPrefix is the text between a record's other members and its hash.
func hashPrefix(member string) string { return `,"` + member + `":"` }

// unseal splits the hash off a record, and reports whether it is the hash of the rest. ok is false
// for a record without a hash at its end.
func unseal(record []byte, member string) (hash string, intact, ok bool) {
	const size = 2*sha256.Size + 2 // the hash, a quotation mark and a brace
	prefix := []byte(hashPrefix(member))
	start := len(record) - size - len(prefix)
	if start < 1 || !bytes.HasPrefix(record[start:], prefix) || !bytes.HasSuffix(record, []byte(`"}`)) {
		return "", false, false
	}
	hash = string(record[len(record)-size : len(record)-2])
	content := append(bytes.Clone(record[:start]), '}')
	return hash, hashOf(content) == hash, true
}
