package mix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/synthetic"
)

// The digest is the one in docs/formats.md, which was computed from what the page says by another
// program. It never changes.
func TestCorpusNeverChanges(t *testing.T) {
	const want = "sha256:472553ec1fe0f29457db51a5edc44d23fec31200e578f0d0198b13472be3201e"
	c, err := NewCorpus(t.Context(), synthetic.Spec{Seed: 1, Layers: []int64{4 << 10}}, 1)
	if err != nil || string(c.Digest()) != want {
		t.Fatalf("%v, %v", c.Digest(), err)
	}
	page, err := os.ReadFile("../../../../../docs/formats.md")
	if err != nil || !strings.Contains(string(page), want) {
		t.Errorf("docs/formats.md does not have it: %v", err)
	}
	for _, d := range c.images[0].Blobs() {
		body, err := c.images[0].Blob(context.Background(), d, 0)
		if err != nil {
			t.Fatal(err)
		}
		var config map[string]any
		if d.Size < 1000 && json.NewDecoder(body).Decode(&config) != nil {
			t.Errorf("the config is no JSON")
		}
	}
}

func TestShares(t *testing.T) {
	for _, test := range []struct {
		scenarios string
		read      float64
		want      string
	}{
		{"", -1, "resolve 0.1875, pull 0.1875, tags 0.1875, referrers 0.1875, push 0.0833, mount 0.0833, delete 0.0833"},
		{"", 1, "resolve 0.2500, pull 0.2500, tags 0.2500, referrers 0.2500"},
		{"pull=3,resolve", -1, "resolve 0.2500, pull 0.7500"},
		{"push", -1, "push 1.0000"},
		{"push,delete,pull", 0.5, "pull 0.5000, push 0.2500, delete 0.2500"},
		{"push,pull", 0, "push 1.0000"},
	} {
		var w Weights
		if test.scenarios != "" {
			if err := w.Set(test.scenarios); err != nil {
				t.Fatal(err)
			}
		}
		shares, err := w.Shares(test.read)
		var got []string
		sum := 0.0
		for _, s := range shares {
			got = append(got, fmt.Sprintf("%s %.4f", s.Scenario, s.Of))
			sum += s.Of
		}
		if text := strings.Join(got, ", "); err != nil || text != test.want || math.Abs(sum-1) > 1e-9 {
			t.Errorf("%q at %g: %s, %v", test.scenarios, test.read, text, err)
		}
	}
	for text, read := range map[string]float64{"pull": 0.5, "push": 0.5, "delete": 1, "tags": 0} {
		var w Weights
		if err := w.Set(text); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Shares(read); err == nil {
			t.Errorf("%s at %g is taken", text, read)
		}
	}
}

func TestClasses(t *testing.T) {
	for err, want := range map[error]string{
		&contentError{"x"}: "wrong content", mountError{}: "not mounted", errors.New("x"): "other",
		fmt.Errorf("x: %w", mountError{}): "not mounted",
	} {
		if got := class(err); got != want {
			t.Errorf("%v is %s", err, got)
		}
	}
	if got := Classes(map[string]int{"a": 1, "503": 9, "b": 1}); strings.Join(got, " ") != "503 a b" {
		t.Errorf("%q", got)
	}
}
