package cli

import (
	"flag"
	"fmt"
	"strings"
)

// UsageError is a command line that cannot be understood.
type UsageError struct {
	Message string
	Advice  string // the hint; may be empty
}

// Error returns the message. The advice is not part of it.
func (e *UsageError) Error() string { return e.Message }

// ExitCode implements [coded].
func (e *UsageError) ExitCode() int { return ExitUsage }

// Hint implements [hinted].
func (e *UsageError) Hint() string { return e.Advice }

// ParseFlags sets the flags, which may stand before, between and after the arguments, and returns the arguments. All that
// follows "--" is arguments, and so is "-". The error is flag.ErrHelp where help is asked for, else a *usageError.
func ParseFlags(fs *flag.FlagSet, args []string) (rest []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return append(rest, args...), nil
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			rest = append(rest, arg)
		case IsHelp(arg):
			return nil, flag.ErrHelp
		default:
			if args, err = set(fs, arg, args); err != nil {
				return nil, err
			}
		}
	}
	return rest, nil
}

// set sets the flag that stands in arg, and returns the words after it: one less where its value stands apart.
func set(fs *flag.FlagSet, arg string, after []string) ([]string, error) {
	typed, value, given := strings.Cut(arg, "=")
	f := fs.Lookup(strings.TrimPrefix(strings.TrimPrefix(typed, "-"), "-"))
	switch {
	case f == nil:
		return nil, unknownFlag(fs, typed)
	case given:
	case isBool(f):
		value = "true"
	case len(after) == 0:
		return nil, &UsageError{Message: Dashed(f.Name) + " needs a value", Advice: described(f)}
	default:
		value, after = after[0], after[1:]
	}
	if err := fs.Set(f.Name, value); err != nil {
		if isTruth(f) {
			return nil, &UsageError{Message: fmt.Sprintf("%s is true or false, not %q", Dashed(f.Name), value)}
		}
		return nil, &UsageError{Message: fmt.Sprintf("%s: %v", Dashed(f.Name), err)}
	}
	return after, nil
}

func isBool(f *flag.Flag) bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// isTruth tells whether a flag takes true and false and nothing else.
func isTruth(f *flag.Flag) bool {
	g, ok := f.Value.(flag.Getter)
	if !ok {
		return false
	}
	_, ok = g.Get().(bool)
	return ok
}

// Alias gives a flag a short name too.
func Alias(fs *flag.FlagSet, short, long string) {
	f := fs.Lookup(long)
	fs.Var(f.Value, short, f.Usage)
}

// unknownFlag names the flag that is nearest to what was typed.
func unknownFlag(fs *flag.FlagSet, typed string) error {
	var names []string
	fs.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	hint := fmt.Sprintf("transship %s -h lists the flags", fs.Name())
	if name := Nearest(strings.TrimLeft(typed, "-"), names); name != "" {
		hint = fmt.Sprintf("did you mean %s? %s", Dashed(name), hint)
	}
	return &UsageError{Message: "unknown flag " + typed, Advice: hint}
}

// Dashed is a flag as people write it.
func Dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// described is a flag with its value and what it does. The kind of value stands in backquotes in the flag's usage text.
func described(f *flag.Flag) string {
	value, usage := flag.UnquoteUsage(f)
	return strings.TrimSpace(Dashed(f.Name)+" "+value) + ": " + usage
}

func IsHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }
