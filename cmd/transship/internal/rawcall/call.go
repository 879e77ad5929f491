// Package rawcall is the command that makes one call to a registry as its user spells it: [Call]
// returns call.
package rawcall

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/wire"
)

// callCommand is call and its flags.
type callCommand struct {
	registry *run.Remote
	header   headers
	include  bool
	data     string
}

// Call returns the command call.
func Call() run.Command {
	const host, repo = "registry.example.com", "hczjl/halo"
	return run.Command{
		Name: "call", Args: "[METHOD] HOST/v2/...", Min: 1, Max: 2,
		Short: "make one raw call to a registry, and print the answer",
		Long: `METHOD is GET unless given: HEAD, POST, PUT, PATCH or DELETE. Credentials, certificates, retries, audit
and policies are those of every command, and the token's scope follows from the path. Bodies are bytes: a blob is
streamed, and what is asked for by digest is verified (exit 7). The body of an answer of 4xx or 5xx is printed too;
the exit code is then 3 for 401 and 403, 4 for 404, 6 for 429, 7 for DIGEST_INVALID, else 1.

--include prints the status line and headers first; with HEAD they are the result. Secrets in them are redacted; the
Location of an upload session on the registry is printed as it came, since the next call needs it.

A manifest is asked for in all known types, unless --header says Accept. A PUT of one needs its --header Content-Type.
Of standard input, 4 MiB are read before the call. If there is more, GET /v2/ comes first: a stream cannot be sent
twice.`,
		Example: strings.Join([]string{
			"transship call " + host + endpoint.Tags(repo).String(),
			"transship call HEAD " + host + endpoint.Manifest(repo, "1.6").String(),
			"transship call -i POST " + host + endpoint.Uploads(repo).String(),
			"transship call PUT " + host + endpoint.Manifest(repo, "1.7").String() +
				" -H Content-Type:application/vnd.oci.image.index.v1+json --data index.json",
		}, "\n"),
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &callCommand{registry: r.RemoteFlags(fs, "", "the registry"), header: headers{}}
			fs.BoolVar(&c.include, "include", false, "print the status line and headers of the answer before its body")
			cli.Alias(fs, "i", "include")
			fs.Var(c.header, "header", "send this `header`, as in 'Accept: application/json'; may be repeated")
			cli.Alias(fs, "H", "header")
			fs.Func("data", "send this `file` as the body, - for standard input", c.setData)
			r.CommonFlags(fs)
			return c.run
		},
	}
}

func (c *callCommand) run(ctx context.Context, r *run.Run, args []string) error {
	method := http.MethodGet
	if len(args) == 2 {
		method = strings.ToUpper(args[0])
	}
	if err := c.checkMethod(method); err != nil {
		return err
	}
	ref, u, err := parseAddress(args[len(args)-1])
	if err != nil {
		return err
	}
	call := distribution.RawCall{Method: method, URL: u, Header: http.Header(c.header)}
	if err := c.setBody(ctx, r, &call); err != nil {
		return err
	}
	repo, err := c.registry.Repository(ctx, ref)
	if err != nil {
		return err
	}
	resp, err := repo.Client.Call(ctx, call)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if c.include || method == http.MethodHead {
		printHeader(r.Stdout, resp)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		body, failed := repo.Client.ReadError(resp)
		if _, err := r.Stdout.Write(body); err != nil {
			return err
		}
		return failed
	}
	return printBody(r.Stdout, resp, digestOf(method, u.Path, resp))
}

// setData sets --data. An empty value, as of an unset variable, would send an empty body.
func (c *callCommand) setData(value string) error {
	if value == "" {
		return errors.New("the value is empty")
	}
	c.data = value
	return nil
}

// checkMethod refuses methods that no endpoint has, and a body where none is sent.
func (c *callCommand) checkMethod(method string) error {
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
	if !slices.Contains(methods, method) {
		return &cli.UsageError{
			Message: fmt.Sprintf("%q is not a method of the API", method),
			Advice:  "the methods are " + strings.Join(methods, ", "),
		}
	}
	if c.data != "" && (method == "GET" || method == "HEAD" || method == "DELETE") {
		return &cli.UsageError{
			Message: method + " sends no body, and --data gives one",
			Advice:  "name the method before the address: POST, PUT or PATCH",
		}
	}
	return nil
}

// digestOf returns the digest that the body of a response must have, "" if it need have none.
func digestOf(method, path string, resp *http.Response) blob.Digest {
	at := endpoint.Parse(path)
	d := blob.Digest(at.Reference)
	hasContent := method == http.MethodGet && resp.StatusCode == http.StatusOK && resp.Header.Get("Content-Encoding") == ""
	if !hasContent || at.Kind != endpoint.KindBlob && at.Kind != endpoint.KindManifest || d.Validate() != nil {
		return ""
	}
	return d
}

// printBody copies the body of a response, and verifies it if want is not empty.
func printBody(out *cli.Output, resp *http.Response, want blob.Digest) error {
	algorithm := blob.SHA256
	if want != "" {
		algorithm = want.Algorithm()
	}
	hash := algorithm.New()
	n, err := io.Copy(io.MultiWriter(out, hash), resp.Body)
	switch got := blob.FromHash(algorithm, hash); {
	case out.Err() != nil:
		return out.Err()
	case err != nil:
		return &distribution.RequestError{
			Method: resp.Request.Method, URL: wire.Redact(resp.Request.URL), Err: wire.RedactError(err),
		}
	case want != "" && got != want:
		return fmt.Errorf("%s: the body is not what the digest names: %w", resp.Request.URL.Host,
			&blob.MismatchError{Want: want, Got: got, WantSize: n, GotSize: n})
	}
	return nil
}
