package run

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/config"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
)

// mirrorStall is how long a mirror may take to answer if --stall does not say: another place has the
// content too.
const mirrorStall = 30 * time.Second

// mirrors are the mirrors of the configuration file, and what they have done in this run.
type mirrors struct {
	once   sync.Once
	byHost map[string][]*distribution.Mirror

	mu     sync.Mutex
	served map[string]map[string]int // by registry, then by mirror: reads
	noted  map[string]bool           // mirrors whose failure was printed
}

// mirrorsByHost returns the mirrors of each host, as URLs have it. Mirrors at one host share a
// transport, which gets nothing of what the command line has for the registry.
func (r *Run) mirrorsByHost() map[string][]*distribution.Mirror {
	all := &r.mirrors
	all.once.Do(func() {
		all.byHost = map[string][]*distribution.Mirror{}
		transports := map[config.Mirror]*distribution.Transport{}
		credentials := r.AuthConfig()
		for _, name := range r.config.MirroredHosts() {
			h := r.config.Host(name)
			host := reference.Reference{Domain: name}.Host()
			for _, m := range h.Mirrors {
				at := config.Mirror{Host: m.Host, PlainHTTP: m.PlainHTTP}
				if transports[at] == nil {
					transports[at] = r.mirrorTransport(at, credentials)
				}
				mirror := transports[at].Mirror(m.Host, m.Prefix)
				mirror.DigestsOnly = h.DigestsOnly
				all.byHost[host] = append(all.byHost[host], mirror)
			}
		}
	})
	return all.byHost
}

// mirrorTransport returns the transport to a mirror, which sends each call once.
func (r *Run) mirrorTransport(m config.Mirror, credentials auth.Credentials) *distribution.Transport {
	o := (&Remote{run: r, Host: m.Host, plainHTTP: m.PlainHTTP}).options(credentials)
	o.Attempts, o.Unanswered = 1, 1
	if o.Stall == 0 || o.Stall == documentStall {
		o.Stall = mirrorStall
	}
	return distribution.NewTransport(o)
}

// onMirror counts what mirrors serve, and prints why one does not, once for each.
func (r *Run) onMirror(ev distribution.MirrorEvent) {
	all := &r.mirrors
	all.mu.Lock()
	defer all.mu.Unlock()
	if ev.Err == nil {
		if all.served == nil {
			all.served = map[string]map[string]int{}
		}
		if all.served[ev.Registry] == nil {
			all.served[ev.Registry] = map[string]int{}
		}
		all.served[ev.Registry][ev.Mirror]++
		return
	}
	if all.noted[ev.Mirror] && !ev.Dropped || errors.Is(ev.Err, fs.ErrNotExist) && !ev.Dropped {
		return
	}
	if all.noted == nil {
		all.noted = map[string]bool{}
	}
	all.noted[ev.Mirror] = true
	r.Note("%s", mirrorNote(ev))
}

// mirrorNote says why a mirror has not served, and what happens now.
func mirrorNote(ev distribution.MirrorEvent) string {
	why := cli.ShortenDigests(cli.OneLine(distribution.MirrorFailure{Mirror: ev.Mirror, Err: ev.Err}.String()))
	host, _, _ := strings.Cut(ev.Mirror, "/")
	switch {
	case cli.Has[*blob.MismatchError](ev.Err):
		return fmt.Sprintf("warning: mirror %s; it is not asked any more, and the next one is", why)
	case ev.Dropped:
		return fmt.Sprintf("mirror %s; it is not asked any more", why)
	case isAuth(ev.Err):
		return fmt.Sprintf("mirror %s; asking the next (transship login %s stores an account)", why, host)
	}
	return fmt.Sprintf("mirror %s; asking the next", why)
}

// noteMirrors prints who has served the manifests and blobs of each registry that has mirrors.
func (r *Run) noteMirrors() {
	all := &r.mirrors
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(all.served)) {
		var parts []string
		own := 0
		for _, mirror := range slices.Sorted(maps.Keys(all.served[name])) {
			n := all.served[name][mirror]
			if mirror == "" {
				own = n
				continue
			}
			parts = append(parts, fmt.Sprintf("%d by its mirror %s", n, mirror))
		}
		if own > 0 {
			parts = append(parts, fmt.Sprintf("%d by %s itself", own, name))
		}
		r.Note("reads of %s served: %s", name, strings.Join(parts, ", "))
	}
}
