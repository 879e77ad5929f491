package layout

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest"
)

// Media types of layers in docker's manifests, besides gzip: uncompressed, and zstd as buildkit names
// it.
const (
	mediaTypeDockerTar  = "application/vnd.docker.image.rootfs.diff.tar"
	mediaTypeDockerZstd = "application/vnd.docker.image.rootfs.diff.tar.zstd"
)

// openDocker makes images of the entries of docker's manifest.json, if there is one. Those that
// index.json lists are only given the names that they lack there. The inventory of a bundle lists
// all its images.
func (a *Archive) openDocker() error {
	b, err := a.members.document(dockerFile, maxDocument)
	if b == nil {
		return err
	}
	entries, err := parseDockerFile(b)
	if err != nil {
		return a.errorf(dockerFile, ErrDamaged, "%v", err)
	}
	if a.inventory != nil {
		return nil
	}
	r := dockerReader{a, map[string]blob.Digest{}, a.indexConfigs()}
	for _, e := range entries {
		if err := r.addEntry(e); err != nil {
			return err
		}
	}
	return nil
}

// parseDockerFile parses docker's manifest.json.
func parseDockerFile(b []byte) ([]dockerImage, error) {
	var out []dockerImage
	if err := manifest.Decode(b, &out); err != nil {
		return nil, err
	}
	return out, nil
}

// dockerReader makes manifests for an archive that has none.
type dockerReader struct {
	*Archive
	hashed map[string]blob.Digest // digests of layers that had to be read, by name
	listed *configIndex           // what index.json leads to
}

// addEntry adds the image of one entry, once for each of its names, as far as index.json does not
// have it.
func (r dockerReader) addEntry(e dockerImage) error {
	listed := r.listed.images[r.configDigest(e)]
	if len(listed) == 0 && len(e.RepoTags) == 0 {
		d, err := r.manifestOf(e)
		r.images = append(r.images, Image{"", d})
		return err
	}
	for _, name := range e.RepoTags {
		if err := r.addRepoTag(e, name, listed); err != nil {
			return err
		}
	}
	return nil
}

// addRepoTag adds one element of an entry's RepoTags. If it is no tag of a valid name, as BadName:1 is
// none, the image has no name, as with such a ref.name in index.json: a target that is named makes it
// irrelevant. crane and skopeo take such archives too.
func (r dockerReader) addRepoTag(e dockerImage, repoTag string, listed []int) error {
	if ref, err := reference.Parse(repoTag); err == nil && ref.Digest == "" {
		return r.addName(e, ref, listed)
	}
	if len(listed) > 0 {
		return nil
	}
	d, err := r.manifestOf(e)
	d.Annotations = map[string]string{annotationTag: repoTag}
	r.images = append(r.images, Image{"", d})
	return err
}

// addName adds one name of an entry. The images of index.json that lead to the entry are listed; if
// one of them has no name, it gets this one.
func (r dockerReader) addName(e dockerImage, ref reference.Reference, listed []int) error {
	at := r.listed.named(ref.String())
	nameless := slices.IndexFunc(listed, func(i int) bool { return r.images[i].Name == "" })
	switch {
	case at >= 0 && !slices.Contains(listed, at) && !r.listed.partial[at]:
		return r.errorf(dockerFile, ErrDamaged, "its image %s is not the one that %s has", ref.Familiar(), indexFile)
	case at >= 0:
		return nil
	case nameless >= 0:
		r.images[listed[nameless]].Name = ref.String()
		r.listed.names[ref.String()] = listed[nameless]
		return nil
	case len(listed) > 0:
		d := r.images[listed[0]].Descriptor
		d.Annotations = nil // they are about another name
		r.images = append(r.images, Image{ref.String(), d})
		return nil
	}
	d, err := r.manifestOf(e)
	r.images = append(r.images, Image{ref.String(), d})
	return err
}

// configDigest returns the digest of an entry's config, which is the image's ID; "" if there is no
// config.
func (r dockerReader) configDigest(e dockerImage) blob.Digest {
	if d := parseBlobName(e.Config); d != "" || r.listed.size == 0 {
		return d
	}
	b, err := r.members.document(path.Clean(e.Config), manifest.MaxSize)
	if b == nil || err != nil {
		return ""
	}
	return blob.FromBytes(b)
}

// manifestOf returns the manifest of an entry: the one in the archive, or one that is made for it.
func (r dockerReader) manifestOf(e dockerImage) (manifest.Descriptor, error) {
	if d, found := r.listed.unlisted(e); found {
		return d, nil
	}
	m, err := r.buildManifest(e)
	if err == nil {
		r.synthesized[m.Digest] = m
	}
	return m.Descriptor, err
}

// buildManifest makes the schema 2 manifest of a config and its layers, in docker's form.
func (r dockerReader) buildManifest(e dockerImage) (manifest.Manifest, error) {
	config, diffIDs, err := r.readConfig(e)
	if err != nil {
		return manifest.Manifest{}, err
	}
	im := manifest.Image{
		SchemaVersion: 2, MediaType: manifest.MediaTypeDockerManifest, Config: &config, Layers: []manifest.Descriptor{},
	}
	for i, name := range e.Layers {
		d, err := r.describeLayer(name, diffIDs[i])
		if err != nil {
			return manifest.Manifest{}, err
		}
		im.Layers = append(im.Layers, d)
	}
	raw, err := manifest.DockerStyle().EncodeImage(im)
	if err != nil {
		return manifest.Manifest{}, err
	}
	return manifest.Parse(manifest.MediaTypeDockerManifest, raw)
}

// readConfig returns the descriptor of an entry's config, and the digests of the uncompressed
// layers that it lists.
func (r dockerReader) readConfig(e dockerImage) (manifest.Descriptor, []blob.Digest, error) {
	name, err := r.resolveLink(e.Config)
	if err != nil {
		return manifest.Descriptor{}, nil, err
	}
	b, err := r.members.document(name, manifest.MaxSize)
	if err != nil {
		return manifest.Descriptor{}, nil, err
	}
	c, err := manifest.ParseConfig(b)
	if err != nil {
		return manifest.Descriptor{}, nil, r.errorf(name, ErrDamaged, "%v", err)
	}
	if len(c.RootFS.DiffIDs) != len(e.Layers) {
		reason := fmt.Sprintf("it has %d layers, but %s says %d", len(c.RootFS.DiffIDs), dockerFile, len(e.Layers))
		return manifest.Descriptor{}, nil, r.errorf(name, ErrDamaged, "%s", reason)
	}
	d := manifest.Descriptor{MediaType: manifest.MediaTypeDockerConfig, Size: int64(len(b)), Digest: blob.FromBytes(b)}
	r.blobs[d.Digest] = r.members.files[name]
	return d, c.RootFS.DiffIDs, nil
}

// resolveLink returns the regular file that a name in manifest.json means. docker writes a layer
// that several images share once, and symbolic links to it.
func (r dockerReader) resolveLink(name string) (string, error) {
	clean, reason := cleanName(name)
	if to, link := r.members.links[clean]; link && reason == "" {
		clean = path.Join(path.Dir(clean), to)
		if path.IsAbs(to) || clean == ".." || strings.HasPrefix(clean, "../") {
			reason = "it is a link that leaves the archive"
		}
	}
	if reason != "" {
		return "", r.errorf(name, ErrUnsafe, "%s", reason)
	}
	if !r.members.has(clean) {
		return "", r.errorf(dockerFile, ErrDamaged, "it points to %s, which is not there", printable(name))
	}
	return clean, nil
}

// describeLayer returns the descriptor of a layer as it is stored. diffID is its digest in the
// config, which is the digest of the uncompressed layer.
func (r dockerReader) describeLayer(name string, diffID blob.Digest) (manifest.Descriptor, error) {
	file, err := r.resolveLink(name)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	at := r.members.files[file]
	d := manifest.Descriptor{MediaType: r.layerType(at), Size: at.size, Digest: diffID}
	if d.MediaType != mediaTypeDockerTar {
		if d.Digest, err = r.layerDigest(file, at); err != nil {
			return d, err
		}
	}
	if err := d.Validate(); err != nil {
		return d, r.errorf(file, ErrDamaged, "%v", err)
	}
	r.blobs[d.Digest] = at
	return d, nil
}

// layerType returns the media type of a layer, by its first bytes.
func (r dockerReader) layerType(at section) string {
	switch {
	case r.beginsWith(at, "\x1f\x8b"):
		return manifest.MediaTypeDockerLayer
	case r.beginsWith(at, "\x28\xb5\x2f\xfd"):
		return mediaTypeDockerZstd
	}
	return mediaTypeDockerTar
}

// beginsWith reports whether a member begins with a text. What cannot be read does not.
func (a *Archive) beginsWith(at section, text string) bool {
	head := make([]byte, min(int64(len(text)), at.size))
	n, _ := a.volumes.ReadAt(head, at.offset)
	return string(head[:n]) == text
}

// layerDigest returns the digest of a compressed layer. crane and bazel name the layer after it;
// such a digest is compared with the bytes when they are read. Otherwise the layer is read and
// hashed.
func (r dockerReader) layerDigest(file string, at section) (blob.Digest, error) {
	stem, _, _ := strings.Cut(strings.TrimPrefix(path.Base(file), "sha256:"), ".")
	if named := blob.Digest("sha256:" + stem); named.Validate() == nil {
		return named, nil
	}
	if known, read := r.hashed[file]; read {
		return known, nil
	}
	if sum, hashed := r.volumes.hashed[at.offset]; hashed {
		return sum, nil
	}
	h := blob.SHA256.New()
	if _, err := io.Copy(h, io.NewSectionReader(r.volumes, at.offset, at.size)); err != nil {
		return "", fmt.Errorf("%s: %s: %w", r.Archive, file, err)
	}
	r.hashed[file] = blob.FromHash(blob.SHA256, h)
	return r.hashed[file], nil
}
