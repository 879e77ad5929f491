package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"

	"github.com/hczjl/transship/distribution/audit/waterfall"
)

func auditWaterfallCommand() command {
	return command{
		name: "audit waterfall", args: "FILE", min: 1, max: 1,
		short: "draw a run's calls over its time, as an SVG image",
		long: `FILE is an audit, .jsonl or .har, or a HAR of another tool. Each call is a row, each phase has a colour, and the calls
that the run waited for are marked. Of more than 300 calls strips show how many were under way, and the 40 that took
longest have rows.`,
		example: "transship audit waterfall run.jsonl -o run.svg",
		setup: func(fs *flag.FlagSet, a *app) action {
			out := fs.String("output", "", "write the image to this `file`, or to standard output where it is -")
			alias(fs, "o", "output")
			return func(_ context.Context, a *app, args []string) error {
				if *out == "" {
					return &usageError{message: "-o is missing", advice: "-o FILE.svg writes the image, -o - prints it"}
				}
				t, err := readTrace(a, args[0])
				if err != nil {
					return err
				}
				var image bytes.Buffer
				if err := waterfall.Write(&image, t, formatBytes); err != nil {
					return err
				}
				if *out == "-" {
					_, err := a.stdout.Write(image.Bytes())
					return err
				}
				return writeWhole(*out, image.Bytes())
			}
		},
	}
}

// writeWhole writes a file. One that cannot be written to its end is removed.
func writeWhole(name string, content []byte) error {
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
