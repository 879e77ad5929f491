package layout

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
	"github.com/hczjl/transship/manifest/signature"
)

// Versions of bundles and of the inventories that describe them. A bundle with deltas has the later
// one, and all others the first.
const (
	inventoryVersion      = 1
	inventoryVersionDelta = 2
)

// inventoryFile is the inventory's name in a bundle.
const inventoryFile = "transship.json"

// Inventory lists what a bundle holds and what it builds on. Its JSON is transship.json in the
// bundle and, with ID and Volumes, FILE.json beside it; the package comment shows it.
type Inventory struct {
	// File is the name of the bundle, without its folder. It is not in the JSON.
	File string
	// ID is the digest of transship.json, which identifies the bundle. It is "" for an archive that
	// is no bundle.
	ID blob.Digest
	// Images are the bundle's images by name, then digest. Their descriptors have a media type,
	// digest and size.
	Images []Image
	// Base is the bundle that this one builds on, nil if it stands alone.
	Base *Base
	// Volumes are the bundle's files, in order: one, or several if it is split. Only FILE.json has
	// them.
	Volumes []Volume
	// Signatures is what a policy said of the images when the bundle was written. Only FILE.json has
	// them.
	Signatures []signature.Verdict
	// Content is every manifest and blob of the images, sorted by digest.
	Content []Content
}

// Base identifies an earlier bundle.
type Base struct {
	ID   blob.Digest `json:"id,omitempty"` // "" if it is no bundle: another tool's archive, a registry
	File string      `json:"file"`
}

// Volume is a file of a bundle.
type Volume struct {
	File   string      `json:"file"`             // without its folder
	Size   int64       `json:"size"`             // bytes
	Digest blob.Digest `json:"digest,omitempty"` // sha256; "" for a single file if it was not asked for
}

// Content is a manifest or blob.
type Content struct {
	Digest blob.Digest `json:"digest"`
	Size   int64       `json:"size"` // bytes
	// MediaType is "" for everything but manifests.
	MediaType string `json:"mediaType,omitempty"`
	// InBase is true if the bundle leaves the content out, since its base, or a base of that, has
	// it.
	InBase bool `json:"inBase,omitempty"`
	// Delta is set if the bundle has a delta in place of the blob, which its base makes the blob of.
	Delta *Delta `json:"delta,omitempty"`
	// Repositories are the normalized names, such as docker.io/hczjl/halo, of the repositories that
	// have the content: those of the bundle's images, or those of the base if InBase is true.
	Repositories []string `json:"repositories,omitempty"`
}

// Find returns the content with that digest. A nil inventory has none.
func (in *Inventory) Find(d blob.Digest) (Content, bool) {
	if in == nil {
		return Content{}, false
	}
	i, found := slices.BinarySearchFunc(in.Content, d, func(c Content, d blob.Digest) int {
		return strings.Compare(string(c.Digest), string(d))
	})
	if !found {
		return Content{}, false
	}
	return in.Content[i], true
}

// Missing returns the content that the bundle leaves to its base, sorted by digest. For that of
// which the bundle has a delta the base is needed too.
func (in *Inventory) Missing() []Content {
	return slices.DeleteFunc(slices.Clone(in.Content), func(c Content) bool { return !c.needsBase() })
}

// needsBase reports whether a bundle does not have the content without its base.
func (c Content) needsBase() bool { return c.InBase || c.Delta != nil }

// sort sorts everything into the order in which it is written.
func (in *Inventory) sort() {
	slices.SortFunc(in.Images, compareImages)
	slices.SortFunc(in.Content, func(a, b Content) int { return strings.Compare(string(a.Digest), string(b.Digest)) })
	for _, c := range in.Content {
		slices.Sort(c.Repositories)
	}
}

// validate returns an error if the inventory cannot be relied on.
func (in *Inventory) validate() error {
	for _, im := range in.Images {
		if err := im.Validate(); err != nil {
			return err
		}
	}
	for i, c := range in.Content {
		if err := (manifest.Descriptor{Digest: c.Digest, Size: c.Size}).Validate(); err != nil {
			return err
		}
		if i > 0 && in.Content[i-1].Digest >= c.Digest {
			return fmt.Errorf("content %s is out of order or a duplicate", c.Digest)
		}
		if err := c.validateDelta(in.Base); err != nil {
			return err
		}
	}
	for _, v := range in.Volumes {
		unsummed := v.Digest == "" && len(in.Volumes) == 1
		if v.File == "" || strings.ContainsAny(v.File, `/\`) || v.Size < 0 || !unsummed && v.Digest.Validate() != nil {
			return fmt.Errorf("the entry of volume %s is invalid", printable(v.File))
		}
	}
	return nil
}

// ReadInventory returns the inventory of a bundle or another archive. path is the file, its first
// volume, or FILE.json. For an archive of another tool the inventory is made from its manifests.
// Errors are an *[ArchiveError], or those of the file system.
func ReadInventory(path string) (Inventory, error) {
	in, err := readInventoryFile(path)
	if !errors.Is(err, errNotInventory) && !errors.Is(err, fs.ErrNotExist) {
		return in, err
	}
	a, err := OpenArchive(path)
	if err != nil {
		return Inventory{}, err
	}
	defer a.Close()
	return a.Inventory()
}

// errNotInventory is the error of a file that is no inventory at all.
var errNotInventory = errors.New("it is no inventory of a bundle")

// readInventoryFile reads FILE.json.
func readInventoryFile(path string) (Inventory, error) {
	f, err := openRegular(path)
	if err != nil {
		return Inventory{}, err
	}
	defer f.Close()
	first := make([]byte, 1)
	if _, err := io.ReadFull(f, first); err != nil || first[0] != '{' {
		return Inventory{}, errNotInventory
	}
	b, err := readFile(path, maxDocument)
	if err != nil {
		return Inventory{}, err
	}
	in, err := decodeInventory(b)
	if errors.Is(err, errNotInventory) {
		return Inventory{}, err
	}
	if err == nil && (in.ID == "" || len(in.Volumes) == 0) {
		err = errors.New("it has no bundle ID or no volumes")
	}
	if err != nil {
		return Inventory{}, inventoryError(path, "", err)
	}
	in.File = strings.TrimSuffix(filepath.Base(path), inventoryPath(""))
	return in, nil
}

// inventoryError is the error of an inventory that is damaged or of a newer format.
func inventoryError(path, member string, err error) error {
	reason := "the inventory cannot be used: " + err.Error()
	return &ArchiveError{Path: path, Member: member, Kind: errorKind(err), Reason: reason}
}
