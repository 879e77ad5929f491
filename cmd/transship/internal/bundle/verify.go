package bundle

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/gate"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/manifest/signature"
)

// verifyCommand is verify and its flags.
type verifyCommand struct {
	registry  *run.Remote
	deep      bool
	referrers bool
	platforms cli.PlatformList
	gate      gate.Gate
	key       image.KeyFlag
	bases     cli.FileList
}

// Verify returns the command verify.
func Verify() run.Command {
	return run.Command{
		Name: "verify", Args: "FILE|DIR|REF", Min: 1, Max: 1,
		Short: "check every digest and size of a bundle, folder or image",
		Long: `Of a bundle, another tar or an OCI image layout in a folder, every byte is read: each blob is checked
against its digest, each reference against what it refers to, the documents of a bundle against its manifests, and
each volume against the inventory beside it. Deltas are applied too, if the bundle that it builds on is beside it or
--base names it. A tar may be compressed with gzip; - is one on standard input. Of an
image on a registry, every manifest is read, and the registry is asked for each config and layer and its size; --deep
reads those too. What refers to an image, such as signatures, is checked in files, and with --referrers on a registry.
oci:DIR:IMAGE, DIR@DIGEST, oci-archive:FILE:IMAGE and what else copy takes are one image of a file or folder: of that
alone every byte is read. --platform is for one image too.

Prints one line if all is ok, else a line for each problem, and the exit code is 7. With --require-signature a table of who signed the images comes first, and the
exit code is 9 if the policy refuses one. The name of an existing file or folder means that file or folder; docker://REF
always means an image on a registry.`,
		Example: `transship verify monday.tar
transship verify --deep registry.example.com/hczjl/halo:1.6
transship verify --require-signature policy.json monday.tar`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &verifyCommand{registry: r.RemoteFlags(fs, "", "the registry")}
			fs.BoolVar(&c.deep, "deep", false, "download the blobs from a registry and hash them")
			fs.BoolVar(&c.referrers, "referrers", false,
				"check signatures, SBOMs and other content that refers to the image on a registry too")
			fs.Var(&c.platforms, "platform",
				"of one image check only these `platforms`, such as linux/amd64,linux/arm/v7; may be repeated (default all)")
			c.gate.Flag(fs, r)
			c.key.Register(fs, r)
			baseFlag(fs, &c.bases)
			r.JSONFlag(fs)
			r.CommonFlags(fs)
			return c.run
		},
	}
}

// Verification is what verify --json prints.
type Verification struct {
	cli.Outcome
	Target   string    `json:"target"`
	Checks   int       `json:"checks"` // blobs, volumes and images that were checked
	Bytes    int64     `json:"bytes"`  // bytes that were read
	BuildsOn string    `json:"buildsOn,omitempty"`
	Deltas   int       `json:"deltas,omitempty"` // blobs of which there are deltas that were not applied
	Problems []problem `json:"problems"`
	noImages bool      // there is none to check
	place    string    // the target of a copy that sends what is missing there; "" if there is none
	lacks    bool      // a problem is that something is missing
	LeftOut  []leftOut `json:"leftOut,omitempty"`  // foreign layers that are not there
	SignedBy string    `json:"signedBy,omitempty"` // the fingerprint of the key of --require-key
	// Signatures is what the policy of --require-signature says of each image.
	Signatures []signature.Verdict `json:"signatures,omitempty"`

	mu sync.Mutex
}

// problem is a failed check.
type problem struct {
	What   string      `json:"what"`
	Digest blob.Digest `json:"digest,omitempty"` // the digest that What should have
	Error  string      `json:"error"`
}

// leftOut is a foreign layer that is not there. Clients fetch it from its URLs.
type leftOut struct {
	Digest blob.Digest `json:"digest"`
	Size   int64       `json:"size"`
	URLs   []string    `json:"urls,omitempty"`
}

// failedChecksError says that verify has found problems.
type failedChecksError struct {
	target         string
	failed, checks int
	hint           string
}

// Error counts the problems.
func (e *failedChecksError) Error() string {
	return fmt.Sprintf("%s: %d of %d checks failed", e.target, e.failed, e.checks)
}

// ExitCode returns [cli.ExitIntegrity].
func (*failedChecksError) ExitCode() int { return cli.ExitIntegrity }

// Hint says how to get back what is missing; standard output lists all problems.
func (e *failedChecksError) Hint() string { return e.hint }

func (c *verifyCommand) run(ctx context.Context, r *run.Run, args []string) error {
	v := &Verification{Target: args[0], Problems: []problem{}}
	r.SetDocument(v)
	err := c.verify(ctx, r, args[0], v)
	if err != nil && run.IsIntegrityError(err) {
		v.add(layout.Check{What: args[0], Err: err}) // it cannot be opened: for --json that is a problem too
	}
	slices.SortFunc(v.LeftOut, func(a, b leftOut) int { return cmp.Compare(a.Digest, b.Digest) })
	slices.SortStableFunc(v.Problems, func(a, b problem) int { return strings.Compare(a.What, b.What) })
	if err != nil {
		return err
	}
	c.print(r, v)
	if len(v.Problems) > 0 {
		err = &failedChecksError{args[0], len(v.Problems), v.Checks, v.repairHint()}
	}
	return err
}

// verify adds the checks of what the argument names.
func (c *verifyCommand) verify(ctx context.Context, r *run.Run, arg string, v *Verification) error {
	_, digest := image.CutDigest(arg)
	whole := len(c.platforms) == 0 && digest == ""
	if whole && namesFile(arg) {
		return c.verifyLocal(ctx, r, arg, v)
	}
	if arg == "-" {
		return &cli.UsageError{Message: "standard input is verified as a whole", Advice: "write it to a file, or leave out --platform"}
	}
	l, err := image.ParseLocation(withTransport(arg))
	switch {
	case err != nil:
		return err
	case whole && l.IsWhole():
		return c.verifyLocal(ctx, r, arg, v)
	case !l.IsRegistry():
		return c.verifyLocalImage(ctx, r, l, v)
	}
	repo, err := c.registry.Repository(ctx, l.Ref, auth.Pull)
	if err != nil {
		return err
	}
	repo.Mirrors = nil // what they have says nothing about the registry
	v.place = l.String()
	return c.verifyImage(ctx, r, image.Origin{Source: repo, Ref: l.Ref.Identifier(), Name: l.Ref}, c.deep, v)
}

// withTransport gives a file or folder its transport where one image of it is meant.
func withTransport(arg string) string {
	path, _ := image.CutDigest(arg)
	switch {
	case !image.IsRegistryRef(arg) || !namesFile(path):
		return arg
	case image.IsFolder(path):
		return image.TransportOCI + arg
	}
	return image.TransportOCIArchive + arg
}

// verifyLocalImage adds the checks of one image of a folder or tar.
func (c *verifyCommand) verifyLocalImage(ctx context.Context, r *run.Run, l image.Location, v *Verification) error {
	o, err := (&image.Opener{Run: r}).Origin(ctx, c.registry, l)
	if err != nil {
		return err
	}
	defer o.Close()
	if !l.IsArchive() {
		v.place = l.String()
	}
	return c.verifyImage(ctx, r, o, true, v)
}

// verifyImage adds the checks of one image.
func (c *verifyCommand) verifyImage(ctx context.Context, r *run.Run, o image.Origin, deep bool, v *Verification) error {
	if c.key.IsOn() {
		return image.NoFileError()
	}
	if len(c.bases) > 0 {
		return &cli.UsageError{Message: "--base is for whole bundles", Advice: "name the file alone, without an image in it"}
	}
	err := o.Admit(ctx, &c.gate)
	if o.Signature != nil {
		v.Signatures = []signature.Verdict{*o.Signature}
	}
	if err := c.admitted(r, v, err); err != nil {
		return err
	}
	return (&imageVerifier{
		src: o.Source, platforms: c.platforms, deep: deep, referrers: c.referrers, report: v.add, leftToBase: v.addLeftToBase,
	}).run(ctx, o.Ref)
}

// admitted prints what the policy of --require-signature says, and returns the first refusal.
func (c *verifyCommand) admitted(r *run.Run, v *Verification, err error) error {
	if len(v.Signatures) > 0 && !(r.Quiet && err == nil) {
		fmt.Fprint(r.Stdout, gate.Table(v.Signatures))
	}
	return err
}

// namesFile reports whether an argument names a file or folder: it exists, as such or in volumes,
// or it is written like a path.
func namesFile(arg string) bool {
	if strings.HasPrefix(arg, image.TransportDocker) {
		return false
	}
	if filepath.IsAbs(arg) || strings.HasPrefix(filepath.ToSlash(arg), "./") || strings.HasPrefix(arg, "..") {
		return true
	}
	for _, path := range []string{arg, arg + ".001"} {
		if _, err := os.Stat(path); err == nil || arg == "-" {
			return true
		}
	}
	return strings.HasSuffix(arg, ".tar") || strings.HasSuffix(arg, "/")
}

// verifyLocal adds the checks of a folder or tar.
func (c *verifyCommand) verifyLocal(ctx context.Context, r *run.Run, arg string, v *Verification) error {
	signed, err := c.key.Verify(ctx, arg)
	if err != nil {
		return err
	}
	open := image.OpenToVerify
	if len(c.bases) > 0 {
		open = image.OpenLocal // deltas are read twice
	}
	images, err := open(ctx, r, arg)
	if err != nil {
		return err
	}
	defer func() { images.Close() }()
	if err := signed.Check(r, images.Archive); err != nil {
		return err
	}
	if signed != nil {
		v.SignedBy = signed.Signer
	}
	if err := useBases(ctx, r, images, c.bases); err != nil {
		return err
	}
	v.noImages = len(images.Images) == 0
	v.Signatures, err = images.Admit(ctx, &c.gate)
	if err := c.admitted(r, v, err); err != nil {
		return err
	}
	if images.Archive == nil {
		v.place = image.TransportOCI + images.Path + ":IMAGE"
		image.WarnUnlisted(r, images.Path, images.Dir)
		return images.Dir.Verify(ctx, v.add)
	}
	if in, err := images.Archive.Inventory(); err == nil && in.Base != nil {
		v.BuildsOn = in.Base.File
		v.Deltas = unapplied(images.Archive, in)
	}
	return images.Archive.Verify(ctx, v.add)
}

// unapplied counts the blobs of which a bundle has deltas and whose base is not at hand.
func unapplied(a *layout.Archive, in layout.Inventory) (n int) {
	for _, c := range in.Content {
		if c.Delta != nil && !a.HasHere(c.Digest) {
			n++
		}
	}
	return n
}

// add counts a check. It may be called concurrently.
func (v *Verification) add(c layout.Check) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if d := c.LeftOut; d != nil {
		v.addLeftOut(leftOut{d.Digest, d.Size, d.URLs})
		return
	}
	v.Checks++
	v.Bytes += c.Size
	if c.Err != nil {
		v.lacks = v.lacks || run.IsNotFound(c.Err)
		v.Problems = append(v.Problems, problem{cli.OneLine(c.What), c.Digest, cli.OneLine(c.Err.Error())})
	}
}

// addLeftToBase counts a blob of one image that a bundle leaves to its base.
func (v *Verification) addLeftToBase(left *layout.MissingBaseError) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.BuildsOn = left.Base.File
	if left.IsDelta {
		v.Deltas++
	}
}

// repairHint names the copy that sends what is missing.
func (v *Verification) repairHint() string {
	if !v.lacks || v.place == "" {
		return ""
	}
	return fmt.Sprintf("transship copy --repair SRC %s sends what is missing; SRC is where the image came from", v.place)
}

// addLeftOut adds a foreign layer once: several images may have it.
func (v *Verification) addLeftOut(l leftOut) {
	if !slices.ContainsFunc(v.LeftOut, func(other leftOut) bool { return other.Digest == l.Digest }) {
		v.LeftOut = append(v.LeftOut, l)
	}
}

func (c *verifyCommand) print(r *run.Run, v *Verification) {
	for _, p := range v.Problems {
		fmt.Fprintf(r.Stdout, "bad: %s: %s\n", p.What, p.Error)
	}
	if r.Quiet {
		return
	}
	for _, l := range v.LeftOut {
		fmt.Fprintf(r.Stdout, "left out: foreign layer %s, %d bytes; the image says that it is at %s\n",
			l.Digest, l.Size, cli.OneLine(cmp.Or(strings.Join(l.URLs, ", "), "no URL")))
	}
	if len(v.Problems) > 0 {
		return
	}
	more := ""
	if v.BuildsOn != "" {
		more = "; it builds on " + v.BuildsOn
	}
	if v.Deltas > 0 {
		more += fmt.Sprintf(", which %d delta%s must be applied to: --base checks that", v.Deltas, cli.Plural(v.Deltas))
	}
	if v.noImages {
		more = "; it has no images"
	}
	fmt.Fprintf(r.Stdout, "%s: ok: %d checks, %s read%s\n", v.Target, v.Checks, cli.FormatBytes(v.Bytes), more)
}
