package store

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/layout"
)

// imageFilter is the value of images --filter (docker image ls, "Filtering"). Conditions of different
// keys must all hold. So must several of one key, except that one reference of several suffices.
type imageFilter struct {
	references []string
	dangling   []bool
	labels     []labelFilter
	times      []timeFilter
}

// labelFilter is a condition on an image's labels.
type labelFilter struct {
	key, value string
	anyValue   bool
	not        bool
}

// timeFilter is a condition on when an image was made.
type timeFilter struct {
	key  string // before, since or until
	text string // an image, or for until a time
	at   time.Time
}

// String implements flag.Value.
func (*imageFilter) String() string { return "" }

// Set implements flag.Value.
func (f *imageFilter) Set(text string) error {
	key, value, found := strings.Cut(text, "=")
	if !found || value == "" {
		return fmt.Errorf("%q is not KEY=VALUE", text)
	}
	switch key {
	case "reference":
		if _, err := path.Match(value, ""); err != nil {
			return fmt.Errorf("reference: %q is not a pattern", value)
		}
		f.references = append(f.references, value)
	case "dangling":
		b, err := strconv.ParseBool(value)
		if err != nil {
			return fmt.Errorf("dangling is true or false, not %q", value)
		}
		f.dangling = append(f.dangling, b)
	case "label", "label!":
		name, value, hasValue := strings.Cut(value, "=")
		f.labels = append(f.labels, labelFilter{name, value, !hasValue, key == "label!"})
	case "before", "since", "until":
		f.times = append(f.times, timeFilter{key: key, text: value})
	default:
		return fmt.Errorf("%q is not known; the keys are reference, dangling, label, label!, before, since, until", key)
	}
	return nil
}

// resolve finds the times that the conditions name.
func (f *imageFilter) resolve(ctx context.Context, dir *layout.Dir, now time.Time) error {
	for i := range f.times {
		t := &f.times[i]
		var err error
		if t.key == "until" {
			t.at, err = parseUntil(t.text, now)
		} else {
			t.at, err = createdAt(ctx, dir, t.text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// createdAt returns when an image of the store was made.
func createdAt(ctx context.Context, dir *layout.Dir, arg string) (time.Time, error) {
	if dir == nil {
		return time.Time{}, &noImageError{arg}
	}
	found, err := findImages(ctx, dir, arg)
	if err != nil {
		return time.Time{}, err
	}
	config, err := readConfig(ctx, dir.Repository(found[0].root.Repository), found[0].descriptor().Digest)
	if err == nil && config.created().IsZero() {
		err = &cli.UsageError{Message: fmt.Sprintf("--filter: %s does not say when it was made", arg)}
	}
	return config.created(), err
}

// parseUntil reads a time as docker does: a duration before now, a Unix time, or a date, which is
// local unless it has a zone.
func parseUntil(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(seconds, 0), nil
	}
	for _, form := range []string{
		time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02T15", time.DateOnly, "2006-01-02Z07:00",
	} {
		if at, err := time.ParseInLocation(form, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, &cli.UsageError{
		Message: fmt.Sprintf("--filter: until: %q is not a time", text),
		Advice:  "write 24h, 2026-01-31, 2026-01-31T15:04:05Z or a Unix time",
	}
}

// matchesName reports whether an entry of the store fulfils the conditions on its name.
func (f *imageFilter) matchesName(r layout.Root) bool {
	for _, dangling := range f.dangling {
		if dangling != (r.Tag == "") {
			return false
		}
	}
	ref, ok := rootReference(r)
	for _, pattern := range f.references {
		full, _ := path.Match(pattern, ref.Familiar()) // Set has checked the pattern
		short, _ := path.Match(pattern, ref.FamiliarName())
		if ok && (full || short) {
			return true
		}
	}
	return len(f.references) == 0
}

// needsConfig reports whether a condition is one on an image's config.
func (f *imageFilter) needsConfig() bool { return len(f.labels)+len(f.times) > 0 }

// matchesConfig reports whether an image fulfils the conditions on its config.
func (f *imageFilter) matchesConfig(config storedConfig) bool {
	for _, want := range f.labels {
		value, has := config.labels()[want.key]
		if (has && (want.anyValue || value == want.value)) == want.not {
			return false
		}
	}
	created := config.created()
	for _, t := range f.times {
		if created.IsZero() || t.key == "since" && !created.After(t.at) || t.key != "since" && !created.Before(t.at) {
			return false
		}
	}
	return true
}
