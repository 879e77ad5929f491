package cli

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
)

// ParseFlags sets the flags and returns the other arguments. Flags may come before, between and
// after arguments; "-" and all that follows "--" are arguments. -aq is -a -q. The error is
// flag.ErrHelp if help is asked for, else a [UsageError].
func ParseFlags(fs *flag.FlagSet, args []string) (rest []string, err error) {
	rest, literal, err := SplitFlags(fs, args)
	return append(rest, literal...), err
}

// SplitFlags is ParseFlags that returns the arguments after "--" apart.
func SplitFlags(fs *flag.FlagSet, args []string) (rest, literal []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return rest, args, nil
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			rest = append(rest, arg)
		case IsHelp(arg):
			return nil, nil, flag.ErrHelp
		default:
			if args, err = setFlag(fs, arg, args); err != nil {
				return nil, nil, err
			}
		}
	}
	return rest, nil, nil
}

// setFlag sets the flag in arg. It returns the arguments after it, without the flag's value if that
// is an argument of its own.
func setFlag(fs *flag.FlagSet, arg string, after []string) ([]string, error) {
	typed, value, given := strings.Cut(arg, "=")
	f := fs.Lookup(strings.TrimPrefix(strings.TrimPrefix(typed, "-"), "-"))
	if letters := shortFlags(fs, typed); f == nil && letters != nil {
		for _, on := range letters[:len(letters)-1] {
			if err := fs.Set(on.Name, "true"); err != nil {
				return nil, &UsageError{Message: fmt.Sprintf("%s: %v", Dashed(on.Name), err)}
			}
		}
		f = letters[len(letters)-1]
	}
	switch {
	case f == nil:
		return nil, unknownFlag(fs, typed)
	case given:
	case isBool(f.Value):
		value = "true"
	case len(after) == 0:
		return nil, &UsageError{Message: Dashed(f.Name) + " needs a value", Advice: described(f)}
	default:
		value, after = after[0], after[1:]
	}
	if namesOneFile(f) && wasSet(fs, f) {
		return nil, &UsageError{Message: Dashed(f.Name) + " is given twice, and names one file", Advice: described(f)}
	}
	if err := fs.Set(f.Name, value); err != nil {
		if takesOnlyBool(f.Value) {
			return nil, &UsageError{Message: fmt.Sprintf("%s must be true or false, not %q", Dashed(f.Name), value)}
		}
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%s: %w", Dashed(f.Name), err) // the value names a file
		}
		return nil, &UsageError{Message: fmt.Sprintf("%s: %v", Dashed(f.Name), err)}
	}
	return after, nil
}

// shortFlags returns the flags that an argument such as -aq sets, nil if it has a letter that is no
// flag. The last one may take a value, the others may not.
func shortFlags(fs *flag.FlagSet, typed string) []*flag.Flag {
	letters, short := strings.CutPrefix(typed, "-")
	if !short || strings.HasPrefix(letters, "-") {
		return nil
	}
	var out []*flag.Flag
	for _, letter := range letters {
		f := fs.Lookup(string(letter))
		if f == nil || len(out) > 0 && !isBool(out[len(out)-1].Value) {
			return nil
		}
		out = append(out, f)
	}
	return out
}

// namesOneFile reports whether a flag's value is a file. Of two the first would be lost without a
// word.
func namesOneFile(f *flag.Flag) bool {
	if _, several := f.Value.(*FileList); several {
		return false
	}
	value, _ := flag.UnquoteUsage(f)
	return value == "file" || value == "bundle" || longName(f) == "file"
}

// wasSet reports whether a flag, or the one that it is another name of, was set before.
func wasSet(fs *flag.FlagSet, f *flag.Flag) bool {
	set := false
	fs.Visit(func(other *flag.Flag) { set = set || longName(other) == longName(f) })
	return set
}

// longName returns a flag's name, of an alias the long one.
func longName(f *flag.Flag) string {
	if a, ok := f.Value.(alias); ok {
		return a.long
	}
	return f.Name
}

// IsBool reports whether a flag may stand without a value.
func IsBool(f *flag.Flag) bool { return isBool(f.Value) }

// isBool reports whether a flag with this value may stand without one.
func isBool(v flag.Value) bool {
	b, ok := v.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// takesOnlyBool reports whether a flag with this value takes true or false and nothing else.
func takesOnlyBool(v flag.Value) bool {
	if a, ok := v.(alias); ok {
		v = a.Value
	}
	g, ok := v.(flag.Getter)
	if !ok {
		return false
	}
	_, ok = g.Get().(bool)
	return ok
}

// alias is the value of a flag that is the short name of another flag.
type alias struct {
	flag.Value
	long string
}

// IsBoolFlag reports whether the long flag may stand without a value.
func (a alias) IsBoolFlag() bool { return isBool(a.Value) }

// Alias gives a flag a short name too.
func Alias(fs *flag.FlagSet, short, long string) {
	f := fs.Lookup(long)
	fs.Var(alias{f.Value, long}, short, f.Usage)
}

// unknownFlag returns an error that names the flag to use in place of the one typed: one that it
// lacks the side of, one that another tool spells like that, or the nearest.
func unknownFlag(fs *flag.FlagSet, typed string) error {
	hint := fmt.Sprintf("transship %s -h lists the flags", fs.Name())
	name := strings.TrimLeft(typed, "-")
	if other := otherFlagHint(fs, name); other != "" {
		hint = other + "; " + hint
	} else if near := nearestFlag(fs, name); near != "" {
		hint = fmt.Sprintf("did you mean %s? %s", near, hint)
	}
	return &UsageError{Message: "unknown flag " + typed, Advice: hint}
}

// nearestFlag returns the flag nearest to a name, and both of its sides where the name has none; ""
// if none is near.
func nearestFlag(fs *flag.FlagSet, name string) string {
	var names, bases []string
	fs.VisitAll(func(f *flag.Flag) {
		names = append(names, f.Name)
		if base, ok := strings.CutPrefix(f.Name, "src-"); ok {
			bases = append(bases, base)
		}
	})
	if near := Nearest(name, names); near != "" {
		return Dashed(near)
	}
	if base := Nearest(name, bases); base != "" {
		return Dashed("src-"+base) + " or " + Dashed("dst-"+base)
	}
	return ""
}

// Dashed returns a flag's name as users type it: -q, --quiet.
func Dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// described returns a flag with its value's name, which its usage text has in backquotes, and its
// usage text.
func described(f *flag.Flag) string {
	value, usage := flag.UnquoteUsage(f)
	return strings.TrimSpace(Dashed(f.Name)+" "+value) + ": " + usage
}

// IsHelp reports whether an argument asks for help.
func IsHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }
