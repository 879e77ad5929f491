package compare

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// The coverages are those of tables of the binomial distribution.
func TestIntervals(t *testing.T) {
	values := func(n int) (out []float64) {
		for i := range n {
			out = append(out, float64(n-i))
		}
		return out
	}
	for n, want := range map[int]Interval{
		1:  {1, 1, 1, 0},
		5:  {3, 1, 5, 0},
		6:  {3.5, 1, 6, 0.96875},
		9:  {5, 2, 8, 0.9609375},
		10: {5.5, 2, 9, 0.978515625},
		30: {15.5, 10, 21, 0.9572},
	} {
		got := intervalOf(values(n))
		if got.Median != want.Median || got.Low != want.Low || got.High != want.High || math.Abs(got.Coverage-want.Coverage) > 1e-4 {
			t.Errorf("%d values: %+v, not %+v", n, got, want)
		}
	}
	if got := intervalOf(nil); got != (Interval{}) {
		t.Errorf("%+v", got)
	}
}

// The third is an example of R's wilcox.test; the others are counted, and with ties computed, by hand.
func TestRankTest(t *testing.T) {
	for _, test := range []struct {
		a, b []float64
		want float64
	}{
		{[]float64{1, 2, 3}, []float64{4, 5, 6}, 0.1},
		{[]float64{1, 2, 3, 4, 5, 6}, []float64{7, 8, 9, 10, 11, 12}, 0.002165},
		{[]float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}, []float64{1.15, 0.88, 0.90, 0.74, 1.21}, 0.2544},
		{[]float64{1, 1, 2, 2}, []float64{2, 2, 3, 3}, 0.08636},
		{[]float64{1, 1}, []float64{1, 1}, 1},
		{nil, []float64{1}, 1},
	} {
		if got := rankTest(test.a, test.b); math.Abs(got-test.want) > 1e-3 {
			t.Errorf("%v and %v: %g, not %g", test.a, test.b, got, test.want)
		}
		if got, back := rankTest(test.a, test.b), rankTest(test.b, test.a); math.Abs(got-back) > 1e-12 {
			t.Errorf("%v and %v: %g, and the other way %g", test.a, test.b, got, back)
		}
	}
}

// push returns the result of bench push with rounds that took these times, of 1 MB each.
func push(ms ...int) string {
	var rounds []string
	for _, m := range ms {
		rounds = append(rounds, fmt.Sprintf(`{"ns":%d000000,"ops":1,"bytes":1000000}`, m))
	}
	return `{"ok":true,"benchmark":"push","target":"localhost:5000/a","seed":1,"version":"0.2.0","corpus":"sha256:1",
"image":{"platforms":1,"layers":4,"size":"1MiB"},"cells":[{"name":"jobs=8","rounds":[` + strings.Join(rounds, ",") + `]}]}`
}

func read(t *testing.T, label, text string) *Run {
	t.Helper()
	r, err := Read(label+".json", label, text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func lines(align string, rows [][]string) (out string) {
	for _, row := range rows {
		out += strings.Join(row, "|") + "\n"
	}
	return out
}

func TestReportOfRounds(t *testing.T) {
	slow, fast := read(t, "slow", push(20, 21, 22, 23, 24, 25)), read(t, "fast", push(10, 11, 12, 13, 14, 15))
	same, few := read(t, "same", push(21, 20, 24, 22, 26, 24)), read(t, "few", push(1, 1))
	report := New([]*Run{slow, fast, same, few, read(t, "few", push(1))})
	text := report.Text(lines)
	for _, want := range []string{
		"push/jobs=8/platforms=1/layers=4/size=1MiB\n",
		"throughput\n  slow|44.5 MB/s|40 MB/s to 50 MB/s|\n",
		"  fast|80.1 MB/s|66.7 MB/s to 100 MB/s|faster: 1.8 times\n",
		"  same|43.6 MB/s|38.5 MB/s to 50 MB/s|no difference can be told\n",
		"  few|1 GB/s|no interval: 3 of 6 samples|faster: 22.5 times\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if report.Comparisons() != 3 || !strings.Contains(report.Method(), "about 0.15 would differ by chance alone") {
		t.Errorf("%s", report.Method())
	}
}

// mixResult returns the result of bench mix whose slices have these medians.
func mixResult(seed int, us ...int) string {
	var slices []string
	for _, u := range us {
		slices = append(slices, fmt.Sprintf(`{"rate":100,"due":100,"ended":100,"failed":0,"scenarios":[{"name":"pull","due":100,"p50Ns":%d000,"p99Ns":%d000}]}`, u, 2*u))
	}
	return fmt.Sprintf(`{"ok":true,"benchmark":"mix","target":"x","corpus":"sha256:%d","image":{"images":2,"layers":1,"size":"1KiB"},"rate":{"from":100,"to":100},
"readPercent":100,"scenarios":[{"name":"pull","percent":100,"due":600,"failed":6,"latency":{"p999Ns":9000000}}],"slices":[%s]}`, seed, strings.Join(slices, ","))
}

func TestReportOfMix(t *testing.T) {
	a, b := read(t, "a", mixResult(1, 100, 101, 102, 103, 104, 105)), read(t, "b", mixResult(2, 300, 301, 302, 303, 304, 305))
	report := New([]*Run{a, b})
	text := report.Text(lines)
	for _, want := range []string{
		"mix/rate=100/read=100%/pull 100%/images=2/layers=1/size=1KiB\nmedian\n  a|102 µs|100 µs to 105 µs|\n",
		"  b|302 µs|300 µs to 305 µs|slower: 2.95 times\n",
		"p99\n  a|205 µs|", "p99.9 of the whole run\n  a|9 ms||\n  b|9 ms||\n", "failed\n  a|1%||\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if len(report.Corpora()) != 2 {
		t.Errorf("%q", report.Corpora())
	}
	var page strings.Builder
	if err := report.HTML(&page); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"</html>\n", "The content differs", "slower: 2.95 times (p = 0.0022)", "what the others are compared with", "<dt>Corpus</dt><dd>sha256:1</dd>", "100000 101000 102000"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if strings.Contains(page.String(), "NaN") || strings.Contains(page.String(), "ZgotmplZ") {
		t.Errorf("%s", &page)
	}
}

func TestReadRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "no JSON at byte 0",
		"{":                    "no JSON at byte 1",
		"[]":                   "no result of a benchmark: ",
		"null":                 "no result of a benchmark: it has no member benchmark",
		`{"ok":true}`:          "no result of a benchmark: it has no member benchmark",
		`{"benchmark":"push"}`: "the result of a run that failed",
		`{"ok":false,"benchmark":"mix","error":"x"}`: "the result of a run that failed: x",
		`{"ok":true,"benchmark":"mix"}`:              "it has no samples",
		`{"ok":true,"benchmark":"push","cells":7}`:   "no result of a benchmark: ",
	} {
		if _, err := Read("f", "", text); err == nil || !strings.HasPrefix(err.Error(), "f: "+want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
