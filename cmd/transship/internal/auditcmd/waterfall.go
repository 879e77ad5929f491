package auditcmd

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/audit/waterfall"
)

// Waterfall returns the command audit waterfall.
func Waterfall() run.Command {
	return run.Command{
		Name: "audit waterfall", Args: "FILE", Min: 1, Max: 1,
		Short: "draw a run's calls over time, as an SVG image",
		Long: `FILE is an audit, the .jsonl or .har that --audit has written, or a HAR of another tool. Each call is a
row, each phase has a colour, and the calls that the run waited for are marked. If there are more than 300 calls,
strips show how many were in progress, and only the 40 longest calls have rows.`,
		Example: "transship audit waterfall run.jsonl -o run.svg",
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			out := fs.String("output", "", "the `file` to write, or - for standard output; required")
			cli.Alias(fs, "o", "output")
			return func(ctx context.Context, r *run.Run, args []string) error {
				return drawWaterfall(ctx, r, args[0], *out)
			}
		},
	}
}

func drawWaterfall(ctx context.Context, r *run.Run, name, out string) error {
	if out == "" {
		return &cli.UsageError{Message: "-o is missing", Advice: "-o FILE.svg writes the image, -o - prints it"}
	}
	t, err := readTrace(ctx, r, name)
	if err != nil {
		return err
	}
	var image bytes.Buffer
	if err := waterfall.Write(&image, t, cli.FormatBytes); err != nil {
		return err
	}
	if out == "-" {
		_, err := r.Stdout.Write(image.Bytes())
		return err
	}
	return writeFile(out, image.Bytes())
}

// writeFile writes a regular file, and removes it if it cannot be written completely.
func writeFile(name string, content []byte) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Close()); err == nil {
		return nil
	}
	if info, statErr := os.Stat(name); statErr == nil && info.Mode().IsRegular() {
		_ = os.Remove(name)
	}
	return err
}
