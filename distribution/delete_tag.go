package distribution

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// TagDeleteError is the refusal of a registry that does not delete single tags (distribution-spec,
// "Deleting tags"). Its answer is no error in the tree: 404 would be a missing image, and
// DIGEST_INVALID a damaged one.
type TagDeleteError struct{ Answer *Error }

// Error says what the answer means, and quotes it.
func (e *TagDeleteError) Error() string {
	return fmt.Sprintf("the registry does not delete single tags: %v", e.Answer)
}

// DeleteTag removes a tag, but not the manifest (end-9); see [Client.DeleteManifest]. Some registries
// require the scope delete for it, others push. The error of a registry that deletes no single tags
// is a *[TagDeleteError]: its answer is 400 or 405, or 404 although a HEAD finds the tag. CNCF
// distribution deletes them from 3.0 on; 2.8 takes the tag for a malformed digest.
func (r *Repository) DeleteTag(ctx context.Context, tag string) error {
	err := r.Client.DeleteManifest(r.scoped(ctx), r.Name, tag)
	var answer *Error
	if !errors.As(err, &answer) {
		return err
	}
	switch answer.StatusCode {
	case http.StatusBadRequest, http.StatusMethodNotAllowed:
	case http.StatusNotFound:
		if _, missing := r.HeadManifest(ctx, tag); missing != nil {
			return err
		}
	default:
		return err
	}
	return &TagDeleteError{answer}
}
