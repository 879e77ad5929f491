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
)

// Gate checks images against a policy. The zero value has none, and lets every image pass.
type Gate struct {
	path   string // of the policy
	policy *policy
}

// Flag registers --require-signature. The policy and all files that it names are read before the run
// makes any call.
func (g *Gate) Flag(fs *flag.FlagSet, r *run.Run) {
	fs.StringVar(&g.path, "require-signature", "",
		"refuse images whose signatures do not satisfy the rules of this `policy` (transship help signatures)")
	r.Prepare(func(ctx context.Context) (err error) {
		if g.path != "" {
			g.policy, err = readPolicy(ctx, g.path)
		}
		return err
	})
}

// IsOn reports whether there is a policy.
func (g *Gate) IsOn() bool { return g.policy != nil }

// The verdicts on an image.
const (
	Accepted = "accepted"
	Refused  = "refused"
)

// Verdict is what the policy says of an image.
type Verdict struct {
	Image      string      `json:"image"`            // the name under which the policy was asked
	Digest     blob.Digest `json:"digest,omitempty"` // "" if the rule refuses the image unseen
	Rule       string      `json:"rule"`             // the pattern of the rule that is for the image
	Verdict    string      `json:"verdict"`          // Accepted or Refused
	Signatures []Signature `json:"signatures,omitempty"`
	Reason     string      `json:"reason,omitempty"` // for which it is refused
}

// Signature is a signature that meets one requirement of a rule.
type Signature struct {
	Kind       string     `json:"kind"` // cosign, sigstore or notation
	Signer     string     `json:"signer"`
	Time       *time.Time `json:"time,omitempty"`
	NotChecked []string   `json:"notChecked,omitempty"` // what a full verification would check too
}

// Check checks the image that ref names at its source, a tag or digest, under a name; a name
// without a path matches ** alone. The verdict has the digest that was checked: copy that one. If the
// image is refused the error is a *[RefusedError] with the verdict; other errors are those of the
// source.
func (g *Gate) Check(ctx context.Context, name reference.Reference, src transfer.Source, ref string) (Verdict, error) {
	v := Verdict{Image: imageName(name, src, ref), Verdict: Refused}
	rule, pattern := g.policy.find(name)
	if rule == nil {
		return v, &noRuleError{g.path, v.Image}
	}
	v.Rule = pattern
	if rule.Require.refuse {
		return v, g.refuse(v, "the rule refuses all images")
	}
	image, err := describe(ctx, src, ref)
	if err != nil {
		return v, err
	}
	v.Digest = image.Digest
	f := &finder{src: src, image: image}
	for _, r := range rule.Require.all {
		s, reason, err := r.meet(ctx, f)
		if err != nil {
			return v, err
		}
		if reason != "" {
			return v, g.refuse(v, reason)
		}
		v.Signatures = append(v.Signatures, s)
	}
	v.Verdict = Accepted
	return v, nil
}

func (g *Gate) refuse(v Verdict, reason string) error {
	v.Reason, v.Signatures = reason, nil
	return &RefusedError{v}
}

// imageName returns the name of an image in verdicts. One without a name is called by its place.
func imageName(name reference.Reference, src transfer.Source, ref string) string {
	if name.Path != "" {
		return name.Familiar()
	}
	return fmt.Sprint(src) + "@" + cmp.Or(name.Tag, blob.Digest(ref).Short())
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
type RefusedError struct{ Verdict Verdict }

// Error names the image, the rule and the reason.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s is refused by the rule for %s: %s", e.Verdict.Image, e.Verdict.Rule, e.Verdict.Reason)
}

// ExitCode returns [cli.ExitRefused].
func (*RefusedError) ExitCode() int { return cli.ExitRefused }

// Hint says what to do about it.
func (*RefusedError) Hint() string {
	return "nothing of the image was copied; transship inspect --referrers shows what refers to it, " +
		"and verify --require-signature asks the policy alone"
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
func Table(verdicts []Verdict) string {
	rows := [][]string{{"IMAGE", "RULE", "VERDICT", "TIME", "SIGNER, OR REASON"}}
	for _, v := range verdicts {
		for _, s := range v.Signatures {
			rows = append(rows, []string{v.Image, v.Rule, v.Verdict, s.time(), s.text()})
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

func (s Signature) time() string {
	if s.Time == nil {
		return "-"
	}
	return s.Time.UTC().Format(time.RFC3339)
}

// text returns the kind and the signer, and what was not checked.
func (s Signature) text() string {
	text := s.Kind + ": " + cli.OneLine(s.Signer)
	if len(s.NotChecked) > 0 {
		text += "; not checked: " + strings.Join(s.NotChecked, ", ")
	}
	return text
}
