package bench

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestQuantile(t *testing.T) {
	for _, x := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{nil, 0.5, 0}, {[]float64{7}, 0.99, 7}, {[]float64{1, 2}, 0.5, 1.5}, {[]float64{4, 1, 3, 2}, 0.5, 2.5},
		{[]float64{15, 20, 35, 40, 50}, 0.4, 29}, // the example of NumPy's documentation and of Wikipedia's "Percentile"
		{[]float64{1, 2, 3}, 0, 1}, {[]float64{1, 2, 3}, 1, 3}, {[]float64{1, 2, 3, 4}, 0.25, 1.75},
	} {
		given := slices.Clone(x.values)
		if got := Quantile(given, x.q); got < x.want-1e-9 || got > x.want+1e-9 {
			t.Errorf("Quantile(%v, %g) = %g, want %g", x.values, x.q, got, x.want)
		}
		if !slices.Equal(given, x.values) {
			t.Errorf("%v became %v", x.values, given)
		}
	}
	if got := Quantile([]time.Duration{time.Second, 3 * time.Second}, 0.5); got != 2*time.Second {
		t.Error(got)
	}
}

func TestSpread(t *testing.T) {
	s := SpreadOf([]float64{90, 110, 100})
	if s != (Spread{90, 100, 110}) || s.Relative() != 0.1 {
		t.Errorf("%+v, %g", s, s.Relative())
	}
	if SpreadOf(nil).Relative() != 0 {
		t.Error("no values have a spread")
	}
}

func TestOrder(t *testing.T) {
	var got [][2]int
	i := 0
	for turn := range Order(3, 1, 2) {
		if turn.Serial != i {
			t.Errorf("turn %d is %+v", i, turn)
		}
		i++
		got = append(got, [2]int{turn.Round, turn.Cell})
	}
	want := [][2]int{{-1, 2}, {-1, 1}, {-1, 0}, {0, 0}, {0, 1}, {0, 2}, {1, 2}, {1, 1}, {1, 0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Over two rounds the serials of each cell have the same sum, so that a steady drift affects all
// alike.
func TestOrderGivesCellsEqualSums(t *testing.T) {
	sums := make([]int, 7)
	for turn := range Order(7, 0, 10) {
		sums[turn.Cell] += turn.Serial
	}
	for _, sum := range sums {
		if sum != sums[0] {
			t.Fatalf("the sums of serials are %v", sums)
		}
	}
}

func TestMatrix(t *testing.T) {
	var got []string
	uploads := []Upload{{Name: "put"}, {Name: "patch", Patch: true}}
	for _, c := range Matrix([]int{1, 2}, []string{"1", "2"}, uploads, nil, nil) {
		got = append(got, c.String())
	}
	want := []string{
		"jobs=1/http=1/upload=put", "jobs=2/http=1/upload=put", "jobs=1/http=2/upload=put", "jobs=2/http=2/upload=put",
		"jobs=1/http=1/upload=patch", "jobs=2/http=1/upload=patch",
		"jobs=1/http=2/upload=patch", "jobs=2/http=2/upload=patch",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := Matrix([]int{6}, nil, nil, []int{1, 4}, nil); len(got) != 2 || got[1].String() != "jobs=6/ranges=4" {
		t.Error(got)
	}
	buffers := Matrix([]int{6}, nil, nil, nil, []int{32 << 10, 1 << 20, 1000})
	if got := fmt.Sprint(buffers); got != "[jobs=6/buffer=32KiB jobs=6/buffer=1MiB jobs=6/buffer=1000]" {
		t.Errorf("got %v", got)
	}
	if got := Matrix([]int{6, 4, 6}, nil, nil, nil, nil); len(got) != 2 {
		t.Errorf("duplicates give %v", got)
	}
	if got := Matrix([]int{6}, nil, nil, nil, nil); len(got) != 1 || got[0].String() != "jobs=6" {
		t.Error(got)
	}
}

func TestSteps(t *testing.T) {
	for v, want := range map[float64][]float64{
		10: {0, 2, 4, 6, 8, 10}, 9.9: {0, 2, 4, 6, 8, 10}, 1: {0, 0.2, 0.4, 0.6, 0.8, 1}, 437e6: {0, 1e8, 2e8, 3e8, 4e8, 5e8},
	} {
		got := steps(v, 5)
		if !cmp.Equal(want, got, cmp.Comparer(func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 })) {
			t.Errorf("steps(%g) = %v, want %v", v, got, want)
		}
	}
}
