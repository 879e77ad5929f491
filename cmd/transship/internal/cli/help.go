package cli

import (
	"flag"
	"fmt"
	"strings"
	"text/tabwriter"
)

// FlagHelp lists the flags, each with its short name. A flag and its alias have one usage text.
func FlagHelp(fs *flag.FlagSet) string {
	short := map[string]string{}
	fs.VisitAll(func(f *flag.Flag) {
		if len(f.Name) == 1 {
			short[f.Usage] = Dashed(f.Name) + ", "
		}
	})
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fs.VisitAll(func(f *flag.Flag) {
		if len(f.Name) > 1 {
			value, usage := flag.UnquoteUsage(f)
			fmt.Fprintf(w, "  %4s%s\t%s\n", short[f.Usage], strings.TrimSpace(Dashed(f.Name)+" "+value), usage)
		}
	})
	w.Flush()
	return b.String()
}
