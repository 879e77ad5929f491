package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"
	"text/tabwriter"
	"text/template"
)

// Template is the value of docker's --format: a Go template that is executed for each row of a
// result (docs.docker.com/engine/cli/formatting).
type Template struct {
	tmpl    *template.Template
	isTable bool
}

// ParseTemplate parses "json", "table TEMPLATE" or TEMPLATE. sample is a row: a template with a field
// that it does not have is refused now, and not only when there is something to print. Errors are a
// *[UsageError].
func ParseTemplate(text string, sample any) (Template, error) {
	if text == "json" {
		text = "{{json .}}"
	}
	body, isTable := strings.CutPrefix(text, "table")
	if !strings.Contains(body, "{{") {
		return Template{}, &UsageError{
			Message: fmt.Sprintf("--format: %q has no {{.FIELD}}", text),
			Advice:  "it is json, table TEMPLATE or TEMPLATE, such as '" + exampleTemplate(sample) + "'",
		}
	}
	body = strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(strings.Trim(body, " "))
	tmpl, err := template.New("").Funcs(templateFunctions()).Parse(body)
	if err != nil {
		return Template{}, templateError(err, sample)
	}
	t := Template{tmpl, isTable}
	if err := tmpl.Execute(io.Discard, sample); err != nil && unknownField.MatchString(err.Error()) {
		return t, templateError(err, sample)
	}
	return t, nil
}

// Mentions reports whether the template has one of the fields, or prints whole rows.
func (t Template) Mentions(fields ...string) bool {
	text := t.tmpl.Root.String()
	for _, name := range fields {
		if strings.Contains(text, "."+name) {
			return true
		}
	}
	return strings.Contains(text, " .}") || strings.Contains(text, "{.}")
}

// Write executes the template for each row. A table begins with header, a row of titles. If the
// template fails nothing is written.
func (t Template) Write(out io.Writer, header any, rows []any) error {
	var b bytes.Buffer
	for _, row := range rows {
		if err := t.tmpl.Execute(&b, row); err != nil {
			return templateError(err, header)
		}
		b.WriteByte('\n')
	}
	if !t.isTable {
		_, err := b.WriteTo(out)
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	titles, err := t.tmpl.Clone()
	if err == nil {
		err = titles.Funcs(titleFunctions()).Execute(w, header)
	}
	if err != nil {
		return templateError(err, header)
	}
	fmt.Fprintln(w)
	if _, err := b.WriteTo(w); err != nil {
		return err
	}
	return w.Flush()
}

// templateFunctions returns docker's functions (github.com/docker/cli/templates).
func templateFunctions() template.FuncMap {
	return template.FuncMap{
		"json": formatJSON, "split": strings.Split, "join": join,
		"title": title, "lower": strings.ToLower, "upper": strings.ToUpper,
		"pad": pad, "truncate": truncate,
	}
}

// titleFunctions returns the functions that leave the titles of a table as they are.
func titleFunctions() template.FuncMap {
	same := func(title string) string { return title }
	return template.FuncMap{
		"json": same, "title": same, "lower": same, "upper": same,
		"split":    func(title, _ string) string { return title },
		"join":     func(title, _ string) string { return title },
		"truncate": func(title string, _ int) string { return title },
	}
}

func formatJSON(v any) (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// join joins the elements of a slice.
func join(list any, separator string) (string, error) {
	v := reflect.ValueOf(list)
	if v.Kind() != reflect.Slice {
		return "", fmt.Errorf("join takes a list, not %T", list)
	}
	var words []string
	for i := range v.Len() {
		words = append(words, fmt.Sprint(v.Index(i).Interface()))
	}
	return strings.Join(words, separator), nil
}

// title makes the first letter of each word a capital.
func title(text string) string {
	words := strings.Split(text, " ")
	for i, word := range words {
		if word != "" {
			words[i] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, " ")
}

// maxPad limits how many spaces pad adds.
const maxPad = 1000

func pad(text string, before, after int) (string, error) {
	if before < 0 || after < 0 || before > maxPad || after > maxPad {
		return "", fmt.Errorf("pad takes 0 to %d spaces", maxPad)
	}
	if text == "" {
		return "", nil
	}
	return strings.Repeat(" ", before) + text + strings.Repeat(" ", after), nil
}

func truncate(text string, length int) string {
	if length < 0 || len(text) < length {
		return text
	}
	return text[:length]
}

// unknownField matches text/template's error for a field that a row does not have.
var unknownField = regexp.MustCompile(`<([^>]*)>: can't evaluate field \w+`)

// templateReason matches what precedes the reason in text/template's errors.
var templateReason = regexp.MustCompile(`^template: :?[\d:]*:? ?(?:executing "" at )?`)

// templateError says what is wrong with a template in words for its author.
func templateError(err error, row any) error {
	if found := unknownField.FindStringSubmatch(err.Error()); found != nil {
		return &UsageError{
			Message: "--format: there is no field " + found[1],
			Advice:  "the fields are " + strings.Join(fieldsOf(row), ", "),
		}
	}
	return &UsageError{Message: "--format: " + templateReason.ReplaceAllString(err.Error(), "")}
}

// fieldsOf returns the names of a row's fields, each with its dot.
func fieldsOf(row any) []string {
	var out []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(row)) {
		if f.IsExported() {
			out = append(out, "."+f.Name)
		}
	}
	return out
}

func exampleTemplate(row any) string { return "{{" + fieldsOf(row)[0] + "}}" }
