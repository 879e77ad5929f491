package tagselect

// Value is the value of a flag that selects tags by a word and may be repeated. The zero value selects
// none.
type Value struct {
	words    Words
	selector *Selector
}

// String implements flag.Value.
func (v *Value) String() string {
	if !v.IsSet() {
		return ""
	}
	return v.selector.String()
}

// Set implements flag.Value.
func (v *Value) Set(word string) error {
	words := v.words
	words.Add(word)
	selector, err := words.Selector()
	if err == nil {
		v.words, v.selector = words, selector
	}
	return err
}

// IsSet reports whether there is a word.
func (v *Value) IsSet() bool { return v.selector != nil }

// Match reports whether a tag is selected.
func (v *Value) Match(tag string) bool { return v.IsSet() && v.selector.Match(tag) }
