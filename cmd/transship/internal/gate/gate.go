// Package gate checks the signatures of images before anything of them is copied: it reads the
// policy of --require-signature, finds the signatures of an image wherever the image is, and has
// them verified by manifest/signature. It calls no host but the image's own registry. Start from
// [Gate].
package gate

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
	"github.com/hczjl/transship/manifest/signature"
)

// Gate checks images against a policy. The zero value has none, and lets every image pass.
type Gate struct {
	path    string // of the policy
	policy  *policy
	command string                  // that checks the images
	record  func(signature.Verdict) // gets each verdict; may be nil
}

// Flag registers --require-signature. The policy and all files that it names are read before the run
// makes any call.
func (g *Gate) Flag(fs *flag.FlagSet, r *run.Run) {
	fs.StringVar(&g.path, "require-signature", "",
		"refuse images whose signatures do not satisfy the rules of this `policy` (transship help signatures)")
	g.record, g.command = r.AddVerdict, r.Command
	r.Prepare(func(ctx context.Context) (err error) {
		if g.path != "" {
			g.policy, err = readPolicy(ctx, g.path)
		}
		return err
	})
}

// IsOn reports whether there is a policy.
func (g *Gate) IsOn() bool { return g.policy != nil }

// Check checks the image that ref names at its source, a tag or digest, under a name; a name
// without a path matches ** alone. The verdict has the digest that was checked: copy that one. If the
// image is refused the error is a *[RefusedError] with the verdict; other errors are those of the
// source.
func (g *Gate) Check(
	ctx context.Context, name reference.Reference, src transfer.Source, ref string,
) (signature.Verdict, error) {
	v := signature.Verdict{Image: imageName(name, src, ref), Verdict: signature.Refused}
	rule, pattern := g.policy.find(name)
	if rule == nil {
		return v, &noRuleError{g.path, v.Image}
	}
	v.Rule = pattern
	if err := rule.Require.check(ctx, src, ref, &v); err != nil {
		return v, err
	}
	if g.record != nil {
		g.record(v)
	}
	if v.Reason != "" {
		return v, &RefusedError{v, g.command}
	}
	return v, nil
}

// check sets what the requirements say of an image. An error is one of the source.
func (r require) check(ctx context.Context, src transfer.Source, ref string, v *signature.Verdict) error {
	if r.refuse {
		v.Reason = "the rule refuses all images"
		return nil
	}
	image, err := describe(ctx, src, ref)
	if err != nil {
		return err
	}
	v.Digest = image.Digest
	f := &finder{src: src, image: image}
	var proofs []signature.Proof
	for _, q := range r.all {
		p, reason, err := q.meet(ctx, f)
		if err != nil {
			return err
		}
		if reason != "" {
			v.Reason = reason
			return nil
		}
		proofs = append(proofs, p)
	}
	v.Verdict, v.Signatures = signature.Accepted, proofs
	return nil
}

// imageName returns the name of an image in verdicts. One without a name is called by its place.
func imageName(name reference.Reference, src transfer.Source, ref string) string {
	switch {
	case name.Path != "":
		return name.Familiar()
	case name.Tag != "":
		return fmt.Sprint(src) + ":" + name.Tag
	}
	return fmt.Sprint(src) + "@" + blob.Digest(ref).Short()
}

// describe returns the descriptor of an image.
func describe(ctx context.Context, src transfer.Source, ref string) (manifest.Descriptor, error) {
	if head, ok := src.(interface {
		HeadManifest(context.Context, string) (manifest.Descriptor, error)
	}); ok {
		return head.HeadManifest(ctx, ref)
	}
	m, err := src.Manifest(ctx, ref)
	return m.Descriptor, err
}

// RefusedError says that an image does not pass the gate.
type RefusedError struct {
	Verdict signature.Verdict
	command string // that has refused it
}

// Error names the image, the rule and the reason.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s is refused by the rule for %s: %s", e.Verdict.Image, e.Verdict.Rule, e.Verdict.Reason)
}

// ExitCode returns [cli.ExitRefused].
func (*RefusedError) ExitCode() int { return cli.ExitRefused }

// Hint says what the command did not do, and how to find out more.
func (e *RefusedError) Hint() string {
	const look = "transship inspect --referrers shows what refers to it"
	const ask = look + ", and transship verify --require-signature asks the policy alone"
	switch e.command[strings.LastIndexByte(e.command, ' ')+1:] { // of an alias such as image load
	case "verify":
		return look
	case "load":
		return "nothing was pushed; " + ask
	case "serve":
		return "nothing is served; " + ask
	}
	return "nothing of the image was copied; " + ask
}

// noRuleError says that a policy has no rule for an image.
type noRuleError struct{ path, image string }

// Error names the policy and the image.
func (e *noRuleError) Error() string { return fmt.Sprintf("%s has no rule for %s", e.path, e.image) }

// ExitCode returns [cli.ExitUsage]: the policy is not complete.
func (*noRuleError) ExitCode() int { return cli.ExitUsage }

// Hint says how a policy says something of all images.
func (*noRuleError) Hint() string {
	return `add a rule; {"images": ["**"], "require": "refuse"} as the last one refuses all others`
}

// Table returns verdicts as a table: a line for each signature, or for an image without one.
func Table(verdicts []signature.Verdict) string {
	rows := [][]string{{"IMAGE", "RULE", "VERDICT", "TIME", "SIGNER, OR REASON"}}
	for _, v := range verdicts {
		for _, s := range v.Signatures {
			rows = append(rows, []string{v.Image, v.Rule, v.Verdict, timeText(s), cli.OneLine(s.String())})
		}
		if len(v.Signatures) == 0 {
			rows = append(rows, []string{v.Image, v.Rule, v.Verdict, "-", cmp.Or(cli.OneLine(v.Reason), "no signature is required")})
		}
	}
	return tableText(rows)
}

// tableText aligns the columns but the last, which is never cut.
func tableText(rows [][]string) string {
	var widths [4]int
	for _, row := range rows {
		for i := range widths {
			widths[i] = max(widths[i], len(row[i]))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		for i, width := range widths {
			fmt.Fprintf(&b, "%-*s  ", width, row[i])
		}
		b.WriteString(row[len(widths)] + "\n")
	}
	return b.String()
}

func timeText(p signature.Proof) string {
	if p.Time.IsZero() {
		return "-"
	}
	return p.Time.UTC().Format(time.RFC3339)
}
