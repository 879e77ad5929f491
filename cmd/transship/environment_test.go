package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The help lists the variables that the code reads, and no others.
func TestEnvironmentIsWhatTheCodeReads(t *testing.T) {
	var listed, library []string
	for _, v := range environment() {
		names := strings.Fields(v.names)
		listed = append(listed, names...)
		if v.library {
			library = append(library, names...)
		}
	}
	read, texts := variablesOfCode(t)
	for name, where := range read {
		if !slices.Contains(listed, name) {
			t.Errorf("%s reads $%s, which help environment does not list", where, name)
		}
	}
	for _, name := range listed {
		if !texts[name] && !slices.Contains(library, name) {
			t.Errorf("help environment lists %s, which no code names", name)
		}
	}
	if len(read) < 10 {
		t.Errorf("found only %d variables: the test no longer sees how the code reads them", len(read))
	}
}

// variablesOfCode returns the variables that the code reads by a call of env, Env or Getenv, and all
// texts that it has.
func variablesOfCode(t *testing.T) (read map[string]string, texts map[string]bool) {
	t.Helper()
	read, texts = map[string]string{}, map[string]bool{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "integration" || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			path == filepath.Join(root, "cmd", "transship", "environment.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		readVariables(file, path, read, texts)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return read, texts
}

func readVariables(file *ast.File, path string, read map[string]string, texts map[string]bool) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				texts[text] = true
			}
		case *ast.CallExpr:
			name := ""
			switch f := n.Fun.(type) {
			case *ast.Ident:
				name = f.Name
			case *ast.SelectorExpr:
				name = f.Sel.Name
			}
			if len(n.Args) == 1 && slices.Contains([]string{"env", "Env", "Getenv", "LookupEnv"}, name) {
				if literal, ok := n.Args[0].(*ast.BasicLit); ok {
					text, _ := strconv.Unquote(literal.Value)
					read[text] = path
				}
			}
		}
		return true
	})
}

func TestHelpEnvironment(t *testing.T) {
	p := newProgram(t)
	o := p.run("help", "environment").want(0)
	for _, v := range environment() {
		if !strings.Contains(o.stdout, "\n  "+strings.ReplaceAll(v.names, " ", ", ")+"\n") {
			t.Errorf("%s\nlacks %s:\n%s", o.line, v.names, o.stdout)
		}
	}
	if !strings.Contains(p.run("help").stdout, "transship help environment") {
		t.Error("the overview does not name it")
	}
}
