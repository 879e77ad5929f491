package run

import (
	"context"
	"fmt"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/endpoint"
)

const (
	// nearestTagTime limits the time that looking for another tag takes.
	nearestTagTime = 5 * time.Second
	// nearestTagLimit is how many tags are looked at.
	nearestTagLimit = 1000
)

// withNearestTag adds to the error of a tag that does not exist a hint with the tag that may have
// been meant, if the repository has one. That takes a call, which is left out where calls are
// counted or listed beforehand.
func (r *Run) withNearestTag(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || r.Planning() || r.rules.Expect != nil || r.rules.MaxCalls > 0 ||
		ExitCode(err) != cli.ExitNotFound {
		return err
	}
	remote := r.remoteOf(err)
	a, ok := newRefusal(err, remote)
	isTag := a.path.Kind == endpoint.KindManifest && blob.Digest(a.path.Reference).Validate() != nil
	if _, hinted := cli.HintOf(err); !ok || hinted || !isTag || !a.reads() || a.Storage || remote.host != remote.Host {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, nearestTagTime)
	defer stop()
	nearest := cli.Nearest(a.path.Reference, remote.tags(ctx, a.path.Repository))
	switch nearest {
	case "":
		return err
	case a.path.Reference:
		return cli.WithHint(err, fmt.Sprintf("%s lists the tag, but does not have what it points to: "+
			"the image must be pushed there again", a.repository()))
	}
	return cli.WithHint(err, fmt.Sprintf("the nearest tag there is %s; %s lists all", nearest, a.tagsCommand()))
}

// tags returns tags of a repository, as many as it gets.
func (m *Remote) tags(ctx context.Context, repository string) []string {
	t, err := m.transport(ctx)
	if err != nil {
		return nil
	}
	var out []string
	for tag, err := range t.Client(m.Host).Tags(ctx, repository, distribution.Page{}) {
		if err != nil || len(out) == nearestTagLimit {
			break
		}
		out = append(out, cli.OneLine(tag))
	}
	return out
}
