package workers

import (
	"testing"

	"github.com/hczjl/transship/integration/servers"
)

// Workers that are killed and started again end with what the source has, for hardly more calls than those that are not.
// "make scale" does the same with a hundred times as many images.
func TestKilledWorkers(t *testing.T) {
	transship, _ := servers.Transship(t)
	w := World{Program: transship.Path, Repositories: 100, Tags: 1000, Shards: 4}
	if err := w.Fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	unbroken, err := w.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.Kills = 3
	killed, err := w.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if killed.Kills == 0 {
		t.Fatal("none was killed")
	}
	// What a worker had under way when it was killed, 80 images, is begun anew, with a HEAD on each side. Nothing
	// that it had finished is asked for.
	if atMost := int64(killed.Kills * 2 * 80); killed.Again > atMost {
		t.Errorf("%d tags were asked for again after %d kills, want at most %d", killed.Again, killed.Kills, atMost)
	}
	t.Logf("%d calls without kills, %d with %d, and %d tags asked for again", unbroken.Calls, killed.Calls, killed.Kills,
		killed.Again)
}
