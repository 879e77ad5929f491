package cli

import (
	"flag"
	"fmt"
	"strings"
	"text/tabwriter"
)

// FlagHelp returns the list of flags that help shows. A flag and its [Alias] have one line.
func FlagHelp(fs *flag.FlagSet) string {
	short := map[string]string{} // by long name
	fs.VisitAll(func(f *flag.Flag) {
		if a, ok := f.Value.(alias); ok {
			short[a.long] = Dashed(f.Name) + ", "
		}
	})
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fs.VisitAll(func(f *flag.Flag) {
		if _, ok := f.Value.(alias); !ok {
			value, usage := flag.UnquoteUsage(f)
			fmt.Fprintf(w, "  %4s%s\t%s\n", short[f.Name], strings.TrimSpace(Dashed(f.Name)+" "+value), usage)
		}
	})
	w.Flush()
	return b.String()
}
