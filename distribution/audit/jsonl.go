package audit

// line is one line of a JSONL file. One of its first three members is set; the members of an entry
// are members of the line.
type line struct {
	Run *Run `json:"run,omitempty"`
	*Entry
	End *End `json:"end,omitempty"`
	link
}

// hashMember is the name of a line's last member.
const hashMember = "hash"

// jsonlEncoder encodes JSONL, which needs no trailer.
type jsonlEncoder struct{}

func (jsonlEncoder) begin(c *chain, r Run) (head, trailer []byte, err error) {
	return encodeLine(c, line{Run: &r})
}

func (jsonlEncoder) entry(c *chain, e Entry) (record, trailer []byte, err error) {
	return encodeLine(c, line{Entry: &e})
}

func (jsonlEncoder) end(c *chain, e End) (record, trailer []byte, err error) {
	return encodeLine(c, line{End: &e})
}

func encodeLine(c *chain, l line) (record, trailer []byte, err error) {
	l.link = c.next()
	record, err = c.seal(l, hashMember)
	return append(record, '\n'), nil, err
}
