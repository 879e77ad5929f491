package audit

// line is one line of a JSONL file: one of its first three members is set, and
// an entry's members are the line's own.
type line struct {
	Run *Run `json:"run,omitempty"`
	*Entry
	End *End `json:"end,omitempty"`
	link
}

// hashMember is the name of a line's last member.
const hashMember = "hash"

// jsonlEncoding is JSONL.
type jsonlEncoding struct{}

func (jsonlEncoding) begin(c *chain, r Run) (head, trailer []byte, err error) {
	return encodeLine(c, line{Run: &r})
}

func (jsonlEncoding) entry(c *chain, e Entry) (record, trailer []byte, err error) {
	return encodeLine(c, line{Entry: &e})
}

func (jsonlEncoding) end(c *chain, e End) (record, trailer []byte, err error) {
	return encodeLine(c, line{End: &e})
}

func encodeLine(c *chain, l line) (record, trailer []byte, err error) {
	l.link = c.next()
	record, err = c.seal(l, hashMember)
	return append(record, '\n'), nil, err
}
