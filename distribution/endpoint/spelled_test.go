package endpoint_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// Another package that spells out a path would be a second grammar: it calls this package instead.
// Packages that only tests use, such as audittest, may write paths down.
func TestOnlyThisPackageSpellsPaths(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel == "integration" || strings.HasSuffix(rel, "test") || rel == "distribution/endpoint" || strings.HasPrefix(rel, ".") && rel != "." {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		for _, at := range spelled(t, path) {
			t.Errorf("%s: use package distribution/endpoint for this path", at)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// spelled returns where a file has a word of the API's paths in a string literal.
func spelled(t *testing.T, path string) []token.Position {
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var found []token.Position
	ast.Inspect(f, func(n ast.Node) bool {
		literal, ok := n.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING || strings.Contains(literal.Value, " ") { // a sentence for users
			return true
		}
		for _, word := range []string{"/blobs/", "/manifests/", "/uploads/", "/tags/list", "/referrers/"} {
			if strings.Contains(literal.Value, word) {
				found = append(found, files.Position(literal.Pos()))
				break
			}
		}
		return true
	})
	return found
}
