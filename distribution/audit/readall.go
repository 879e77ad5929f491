package audit

import "errors"

// ReadAll gives each entry of an audit to a function. Where the file cannot be
// read on, cut off by a killed run, still being written or damaged, broken says
// so, and what came before is used. An error is of a file of which nothing can
// be used.
func ReadAll(r *Reader, each func(Entry)) (broken *RecordError, err error) {
	read := false
	for e, err := range r.Entries() {
		if err == nil {
			read = true
			each(e)
			continue
		}
		if !errors.As(err, &broken) || !read && r.Run.Tool == "" {
			return nil, err
		}
	}
	return broken, nil
}
