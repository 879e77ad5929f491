package rawcall

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/reference"
)

// parseAddress parses HOST/v2/... with its query, and returns the host as that of a reference.
func parseAddress(arg string) (reference.Reference, *url.URL, error) {
	ref, path, err := cli.CutHost(arg)
	if err != nil {
		return ref, nil, addressError(err.Error())
	}
	u, err := url.Parse("https://" + ref.Host() + "/" + path)
	switch {
	case err != nil:
		return ref, nil, addressError("the address is not a URL")
	case u.Path != "/v2" && !strings.HasPrefix(u.Path, "/v2/"):
		return ref, nil, addressError(fmt.Sprintf("a path below /v2/ must follow %s", ref.Domain))
	case u.Fragment != "":
		return ref, nil, addressError("the address has a #, which is not sent: write %23")
	case slices.ContainsFunc(strings.Split(u.Path, "/"), isDots):
		return ref, nil, addressError("the path has . or .. in it")
	}
	return ref, u, nil
}

func isDots(segment string) bool { return segment == "." || segment == ".." }

func addressError(message string) error {
	return &cli.UsageError{Message: message, Advice: "an address is HOST/v2/..., such as registry.example.com/v2/_catalog"}
}
