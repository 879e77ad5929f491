package plan

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/endpoint"
)

// Sizes prints how many bytes of blobs the run reads of each repository, as --sizes reads them.
func (r *Report) Sizes(out io.Writer) error {
	sizes := map[string]int64{}
	for _, c := range r.Calls {
		u, err := url.Parse(c.URL)
		if err != nil || c.Method != http.MethodGet || c.Received == nil {
			continue
		}
		if at := endpoint.Parse(u.Path); at.Kind == endpoint.KindBlob {
			sizes[cli.RegistryName(u.Host)+"/"+at.Repository] += *c.Received
		}
	}
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(sizes)) {
		fmt.Fprintf(&b, "%d %s\n", sizes[name], name)
	}
	_, err := out.Write(b.Bytes())
	return err
}
