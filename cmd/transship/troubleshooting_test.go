package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// quotedMessage is the first cell of a row of docs/troubleshooting.md: a phrase of what the program
// prints, with ... for what differs.
var quotedMessage = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")

// Every message in docs/troubleshooting.md is printed by the program: a text in the source has its
// words, in order.
func TestTroubleshootingDocument(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	texts := sourceTexts(t)
	quoted := quotedMessage.FindAllStringSubmatch(string(page), -1)
	if len(quoted) < 40 {
		t.Fatalf("only %d messages are quoted", len(quoted))
	}
	for _, m := range quoted {
		if !slices.ContainsFunc(texts, func(text string) bool { return hasInOrder(text, strings.Split(m[1], "...")) }) {
			t.Errorf("no text in the source has %q", m[1])
		}
	}
}

// hasInOrder reports whether a text has all parts, one after the other.
func hasInOrder(text string, parts []string) bool {
	for _, part := range parts {
		_, rest, found := strings.Cut(text, strings.TrimSpace(part))
		if !found {
			return false
		}
		text = rest
	}
	return true
}

// sourceTexts returns the strings of the program's source, without its tests.
func sourceTexts(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"integration", "testdata", ".git", "bin"}, d.Name()):
			return filepath.SkipDir
		case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if ok {
				out = append(out, joinedText(e))
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// joinedText returns the text of an expression of strings, with a gap for what is no literal.
func joinedText(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return text
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return joinedText(e.X) + joinedText(e.Y)
		}
	}
	return "\x00"
}
