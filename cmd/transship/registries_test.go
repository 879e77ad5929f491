package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// inDocument is a name in docs/registries.md: a folder, a point, and what is declared in its package.
var inDocument = regexp.MustCompile("`([a-z0-9/]+)\\.([A-Za-z0-9_]+)`")

// Every row of docs/registries.md names code and a test, and all of them exist.
func TestRegistriesDocument(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "registries.md"))
	if err != nil {
		t.Fatal(err)
	}
	packages := map[string]map[string]bool{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || strings.Contains(line, "---") || strings.Contains(line, "| what it does |") {
			continue
		}
		code, tests := inDocument.FindAllStringSubmatch(cells[3], -1), inDocument.FindAllStringSubmatch(cells[4], -1)
		if len(code) == 0 || len(tests) == 0 {
			t.Errorf("no code or no test in %s", line)
		}
		for i, name := range append(code, tests...) {
			folder, ident := name[1], name[2]
			if packages[folder] == nil {
				packages[folder] = declared(t, filepath.Join("..", "..", filepath.FromSlash(folder)))
			}
			if !packages[folder][ident] || i >= len(code) != strings.HasPrefix(ident, "Test") {
				t.Errorf("%s does not exist, or is in the wrong column", path.Join(folder)+"."+ident)
			}
		}
	}
	if len(packages) < 5 {
		t.Errorf("only %d packages are named", len(packages))
	}
}

// declared returns the names of a package's functions, methods, types, constants and variables, those of its tests too.
func declared(t *testing.T, folder string) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Error(err)
	}
	names := map[string]bool{}
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".go" {
			maps.Copy(names, declaredIn(t, filepath.Join(folder, e.Name())))
		}
	}
	return names
}

func declaredIn(t *testing.T, file string) map[string]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			names[d.Name.Name] = true
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					names[s.Name.Name] = true
				case *ast.ValueSpec:
					for _, n := range s.Names {
						names[n.Name] = true
					}
				}
			}
		}
	}
	return names
}
