package inspect

import (
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/manifest"
)

// DigestDocument is what digest --json prints.
type DigestDocument struct {
	cli.Outcome
	Reference string             `json:"reference,omitempty"` // as inspect --json has it
	MediaType string             `json:"mediaType,omitempty"`
	Digest    blob.Digest        `json:"digest,omitempty"`
	Size      int64              `json:"size,omitempty"`     // bytes of the manifest; left out if the registry does not say
	Platform  *manifest.Platform `json:"platform,omitempty"` // the one of --platform
}
