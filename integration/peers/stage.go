package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// stage stands where package servers wants a test: what it starts ends with run, and its folders lie below one root.
type stage struct {
	testing.TB // nil: only what is below is there

	ctx  context.Context
	root string

	mu       sync.Mutex
	cleanups []func()
	errs     []error
}

// run calls f as a test is run: Fatal ends it, and what it has started is stopped behind it. The error is what f has
// reported.
func (s *stage) run(f func()) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer s.clean()
		f()
	}()
	<-done
	return errors.Join(s.errs...)
}

// clean calls what Cleanup was given, the last first.
func (s *stage) clean() {
	for _, f := range slices.Backward(s.cleanups) {
		f()
	}
}

// Helper implements testing.TB.
func (s *stage) Helper() {}

// Context implements testing.TB.
func (s *stage) Context() context.Context { return s.ctx }

// Cleanup implements testing.TB.
func (s *stage) Cleanup(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleanups = append(s.cleanups, f)
}

// TempDir implements testing.TB.
func (s *stage) TempDir() string {
	dir, err := os.MkdirTemp(s.root, "")
	if err != nil {
		s.Fatal(err)
	}
	return dir
}

// Failed implements testing.TB.
func (s *stage) Failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.errs) > 0
}

// Logf implements testing.TB.
func (s *stage) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// Errorf implements testing.TB.
func (s *stage) Errorf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, fmt.Errorf(format, args...))
}

// Fatalf implements testing.TB.
func (s *stage) Fatalf(format string, args ...any) {
	s.Errorf(format, args...)
	runtime.Goexit()
}

// Fatal implements testing.TB.
func (s *stage) Fatal(args ...any) { s.Fatalf("%s", fmt.Sprint(args...)) }

// Skipf implements testing.TB: what is missing is an error here.
func (s *stage) Skipf(format string, args ...any) { s.Fatalf(format, args...) }
