package store

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// formattedImage is a row of images as --format has it: docker's fields (docker/cli,
// formatter.imageContext), and Platforms. What the store does not know is N/A, as in docker's.
type formattedImage struct {
	ID           string
	Repository   string
	Tag          string
	Digest       string
	CreatedSince string
	CreatedAt    string
	Size         string
	Platforms    string
	Containers   string
	SharedSize   string
	UniqueSize   string
}

// imageTitles returns the titles of a table's columns.
func imageTitles() formattedImage {
	return formattedImage{
		ID: "IMAGE ID", Repository: "REPOSITORY", Tag: "TAG", Digest: "DIGEST", CreatedSince: "CREATED",
		CreatedAt: "CREATED AT", Size: "SIZE", Platforms: "PLATFORMS", Containers: "CONTAINERS",
		SharedSize: "SHARED SIZE", UniqueSize: "UNIQUE SIZE",
	}
}

// unknown stands for what the store does not know of an image.
const unknown = "N/A"

// template returns what --format, --quiet and --digests say together, as docker combines them.
func (c *imagesCommand) template(asJSON bool) (cli.Template, error) {
	text := c.format
	switch {
	case asJSON && text != "":
		return cli.Template{}, &cli.UsageError{
			Message: "--json and --format cannot be used together",
			Advice:  "--json prints one document, --format json a line with docker's fields for each image",
		}
	case (text == "" || text == "table") && c.quiet:
		text = "{{.ID}}"
	case text == "" || text == "table":
		text = `table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.Platforms}}\t{{.Size}}`
		if c.digests {
			text = `table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.Platforms}}\t{{.Size}}`
		}
	case strings.HasPrefix(text, "table") && c.digests && !strings.Contains(text, ".Digest"):
		text += `\t{{.Digest}}`
	}
	return cli.ParseTemplate(text, imageTitles())
}

// formatted returns a row as --format has it.
func (c *imagesCommand) formatted(row listedImage, now time.Time) formattedImage {
	f := formattedImage{
		ID: c.id(row.ImageRow), Repository: row.familiar(), Tag: cmp.Or(row.Tag, "<none>"), Digest: string(row.Digest),
		CreatedSince: unknown, CreatedAt: unknown, Size: "-", Platforms: cmp.Or(cli.OneLine(strings.Join(row.Platforms, ",")), "-"),
		Containers: unknown, SharedSize: unknown, UniqueSize: unknown,
	}
	if row.nameless {
		f.Repository = "<none>"
	}
	if row.Size > 0 {
		f.Size = dockerSize(row.Size)
	}
	if created := row.config.created(); !created.IsZero() {
		f.CreatedSince = dockerDuration(now.Sub(created)) + " ago"
		f.CreatedAt = time.Unix(created.Unix(), 0).String() // in local time and without fractions, as docker's
	}
	return f
}

// dockerSize formats a size as docker does (units.HumanSizeWithPrecision): 3.6kB, 72.9MB.
func dockerSize(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
	value := float64(n)
	for value >= 999.5 && len(units) > 1 {
		value, units = value/1000, units[1:]
	}
	return strconv.FormatFloat(value, 'g', 3, 64) + units[0]
}

// dockerDuration formats how long ago something was as docker does (units.HumanDuration).
func dockerDuration(d time.Duration) string {
	seconds, minutes, hours := int(d.Seconds()), int(d.Minutes()), int(d.Hours()+0.5)
	const day, week, month, year = 24, 24 * 7, 24 * 30, 24 * 365
	switch {
	case seconds < 1:
		return "Less than a second"
	case seconds == 1:
		return "1 second"
	case seconds < 60:
		return fmt.Sprintf("%d seconds", seconds)
	case minutes == 1:
		return "About a minute"
	case minutes < 60:
		return fmt.Sprintf("%d minutes", minutes)
	case hours == 1:
		return "About an hour"
	case hours < 2*day:
		return fmt.Sprintf("%d hours", hours)
	case hours < 2*week:
		return fmt.Sprintf("%d days", hours/day)
	case hours < 2*month:
		return fmt.Sprintf("%d weeks", hours/week)
	case hours < 2*year:
		return fmt.Sprintf("%d months", hours/month)
	}
	return fmt.Sprintf("%d years", int(d.Hours())/year)
}
