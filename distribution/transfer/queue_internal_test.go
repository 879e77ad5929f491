package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
)

// What is largest goes first, and of equal ones who came first.
func TestQueueOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1)
		if err := q.enter(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		var order []string
		for i, size := range []int64{5, 7, 5, 9, 0} {
			go q.within(t.Context(), size, func() error {
				order = append(order, fmt.Sprintf("%d:%d", size, i))
				return nil
			})
			synctest.Wait()
		}
		q.leave()
		synctest.Wait()
		if got, want := fmt.Sprint(order), "[9:3 7:1 5:0 5:2 0:4]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if q.free != 1 || len(q.waiting) != 0 {
			t.Errorf("%d are free and %d wait in the end", q.free, len(q.waiting))
		}
	})
}

// Who gives up the wait takes no place, whether its turn has come meanwhile or not.
func TestQueueGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("gone")
		q := newQueue(1)
		q.enter(t.Context(), 0)
		ctx, cancel := context.WithCancelCause(t.Context())
		errs := make(chan error, 1)
		go func() { errs <- q.enter(ctx, 0) }()
		synctest.Wait()
		cancel(gone)
		if err := <-errs; !errors.Is(err, gone) || len(q.waiting) != 0 {
			t.Errorf("error %v, %d wait", err, len(q.waiting))
		}
		if err := q.enter(ctx, 0); !errors.Is(err, gone) {
			t.Errorf("after the end: error %v", err)
		}
		late := q.line(0)
		q.leave() // the turn comes
		q.giveUp(late)
		if q.free != 1 {
			t.Errorf("%d are free, want 1", q.free)
		}
	})
}

// A seat is taken once, given back once, and not taken any more behind that.
func TestSeat(t *testing.T) {
	q := newQueue(1)
	s := &seat{queue: q, size: 1}
	open := s.before(func(context.Context, int64) (io.ReadCloser, error) { return nil, nil })
	for range 2 {
		if _, err := open(t.Context(), 0); err != nil || q.free != 0 {
			t.Fatalf("error %v, %d are free", err, q.free)
		}
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	other := &seat{queue: q}
	if err := other.take(stopped); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	other.leave()
	if q.free != 0 {
		t.Error("a seat that was not taken was given back")
	}
	s.leave()
	if _, err := open(t.Context(), 0); err != nil || q.free != 1 {
		t.Errorf("error %v, %d are free in the end", err, q.free)
	}
}
