package layout

import (
	"fmt"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Names of an image layout, in a folder and in a tar (image-spec, image-layout.md).
const (
	layoutFile = "oci-layout"
	indexFile  = "index.json"
	blobsDir   = "blobs"

	layoutVersion = "1.0.0"
	layoutText    = `{"imageLayoutVersion":"` + layoutVersion + `"}` + "\n"
)

// checkVersion checks the file oci-layout. An unknown version is ErrNewer.
func checkVersion(b []byte) error {
	var document struct {
		ImageLayoutVersion string `json:"imageLayoutVersion"`
	}
	if err := manifest.Decode(b, &document); err != nil {
		return fmt.Errorf("%s: %w", layoutFile, err)
	}
	if document.ImageLayoutVersion == "" {
		return fmt.Errorf("%s: it does not say which version it is of", layoutFile)
	}
	if document.ImageLayoutVersion != layoutVersion {
		return fmt.Errorf("%s: %w %q is not supported, only %s",
			layoutFile, ErrNewer, document.ImageLayoutVersion, layoutVersion)
	}
	return nil
}

// parseBlobName returns the digest of a blob from its name in a tar, "" for any other name.
func parseBlobName(name string) blob.Digest {
	algorithm, hex, _ := strings.Cut(strings.TrimPrefix(name, blobsDir+"/"), "/")
	d := blob.Digest(algorithm + ":" + hex)
	if d.Validate() != nil || name != blobName(d) {
		return ""
	}
	return d
}

// blobName returns the name of a blob in a tar. The digest must be valid.
func blobName(d blob.Digest) string { return blobsDir + "/" + string(d.Algorithm()) + "/" + d.Hex() }
