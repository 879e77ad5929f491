package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
)

func TestSemaphoreAdmitsTheLargestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSemaphore(1)
		if err := s.acquire(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		var order []string
		for i, size := range []int64{5, 7, 5, 9, 0} {
			go s.do(t.Context(), size, func() error {
				order = append(order, fmt.Sprintf("%d:%d", size, i))
				return nil
			})
			synctest.Wait()
		}
		s.release()
		synctest.Wait()
		if got, want := fmt.Sprint(order), "[9:3 7:1 5:0 5:2 0:4]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if s.free != 1 || len(s.waiters) != 0 {
			t.Errorf("in the end %d are free and %d wait", s.free, len(s.waiters))
		}
	})
}

func TestCanceledWaiterHoldsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("canceled")
		s := newSemaphore(1)
		s.acquire(t.Context(), 0)
		ctx, cancel := context.WithCancelCause(t.Context())
		errs := make(chan error, 1)
		go func() { errs <- s.acquire(ctx, 0) }()
		synctest.Wait()
		cancel(cause)
		if err := <-errs; !errors.Is(err, cause) || len(s.waiters) != 0 {
			t.Errorf("error %v, %d wait", err, len(s.waiters))
		}
		if err := s.acquire(ctx, 0); !errors.Is(err, cause) {
			t.Errorf("context ended before: error %v", err)
		}
		late := s.enqueue(0)
		s.release() // admits late
		s.abandon(late)
		if s.free != 1 {
			t.Errorf("%d are free, want 1", s.free)
		}
	})
}

func TestByteSlotIsTakenOnce(t *testing.T) {
	s := newSemaphore(1)
	slot := &byteSlot{slots: s, size: 1}
	open := slot.takeOnOpen(func(context.Context, int64) (io.ReadCloser, error) { return nil, nil })
	for range 2 {
		if _, err := open(t.Context(), 0); err != nil || s.free != 0 {
			t.Fatalf("error %v, %d are free", err, s.free)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	other := &byteSlot{slots: s}
	if err := other.take(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	other.release()
	if s.free != 0 {
		t.Error("a slot that was not taken was released")
	}
	slot.release()
	if _, err := open(t.Context(), 0); err != nil || s.free != 1 {
		t.Errorf("after release: error %v, %d are free", err, s.free)
	}
}
