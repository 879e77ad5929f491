package serve

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// A server killed during a push leaves a sound folder, and the repeated push finishes. It is killed
// twenty times, each time at a random moment of the push of another image.
func TestKilledServer(t *testing.T) {
	t.Parallel()
	const rounds, seed = 20, 1
	random := rand.New(rand.NewPCG(seed, seed))
	from := servers.CNCF(t, servers.Options{InMemory: true})
	transship, _ := servers.Transship(t)
	image := func(i int) fixture.Image {
		spec := fixture.Spec{Seed: uint64(i), Layers: []int64{1_000_000, 500_000, 200_000}, Shared: []int64{300_000}}
		im := fixture.Synthetic(spec)
		if err := from.Repository("app").Push(t.Context(), im, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
		return im
	}
	image(rounds)
	to := servers.Serve(t, "--writable", t.TempDir())
	start := time.Now()
	transship.Output(t, "copy", fmt.Sprint(from.Host, "/app:", rounds), to.Host+"/app:1")
	whole := time.Since(start)

	folder, cut := filepath.Join(t.TempDir(), "images"), 0
	var images []fixture.Image
	for i := range rounds {
		images = append(images, image(i))
		to = servers.Serve(t, "--writable", folder)
		push := exec.Command(transship.Path, "copy", "--jobs", "2", fmt.Sprint(from.Host, "/app:", i),
			fmt.Sprint(to.Host, "/app:", i))
		push.Env = transship.Env
		if err := push.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.Int64N(int64(whole))))
		to.Kill()
		_ = push.Process.Kill() // it would try again for a while
		if push.Wait() != nil {
			cut++
		}
		verifyFolder(t, folder)
	}
	t.Logf("a push takes %s; %d of %d were cut short", whole, cut, rounds)
	if cut == 0 {
		t.Error("every push was over before its server was killed")
	}
	to = servers.Serve(t, "--writable", folder)
	for i, im := range images {
		transship.Output(t, "copy", fmt.Sprint(from.Host, "/app:", i), fmt.Sprint(to.Host, "/app:", i))
		if err := to.Repository("app").Verify(t.Context(), im, fmt.Sprint(i)); err != nil {
			t.Error(err)
		}
	}
	verifyFolder(t, folder)
}
