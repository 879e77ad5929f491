//go:build !linux

package wan

import "testing"

// New gives ErrMissing.
func New(testing.TB) (*Link, error) { return nil, ErrMissing }

func (e *End) do(func() error) error { return ErrMissing }

func ip(...string) error { return ErrMissing }
