package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/hczjl/transship/"

// libraryImports is the table of docs/architecture.md: what each package may import of this module.
func libraryImports() map[string][]string {
	return map[string][]string{
		"blob":                   {},
		"blob/delta":             {},
		"auth":                   {"distribution/wire"},
		"distribution/endpoint":  {},
		"distribution/wire":      {"blob", "distribution/endpoint"},
		"testdata/image":         {},
		"manifest":               {"blob"},
		"manifest/signature":     {"blob", "manifest"},
		"distribution/reference": {"blob"},
		"distribution/filelock":  {},
		"testdata/golden":        {},

		"distribution/audit/svg":                {},
		"distribution/audit/internal/texts":     {},
		"distribution/audit":                    {"blob", "distribution/endpoint", "distribution/wire", "manifest/signature"},
		"distribution/audit/internal/audittest": {"distribution/audit"},
		"distribution/audit/trace": {"distribution/endpoint", "distribution/wire", "distribution/audit",
			"distribution/audit/internal/texts"},
		"distribution/audit/diff": {"distribution/endpoint", "distribution/audit", "distribution/audit/internal/texts"},
		"distribution/audit/curl": {"blob", "distribution/endpoint", "distribution/audit",
			"distribution/audit/internal/texts"},
		"distribution/audit/waterfall": {"distribution/endpoint", "distribution/audit",
			"distribution/audit/internal/texts", "distribution/audit/trace", "distribution/audit/svg"},

		"distribution/layout": {"blob", "blob/delta", "manifest", "manifest/signature", "distribution/reference",
			"distribution/filelock"},
		"distribution/transfer": {"blob", "manifest"},
		"distribution": {"blob", "manifest", "auth", "distribution/reference", "distribution/endpoint",
			"distribution/wire"},
		"distribution/registry": {"blob", "manifest", "distribution/reference", "distribution/endpoint",
			"distribution/layout"},
	}
}

// commandImports is the table for the packages below cmd/transship/internal: what each may import
// of the others. All of them may import the library.
func commandImports() map[string][]string {
	base := []string{"cli", "run", "image", "gate", "tagselect"}
	return map[string][]string{
		"cli":             {},
		"synthetic":       {},
		"serve/htpasswd":  {},
		"listen/ownca":    {},
		"lists/liststore": {},
		"benchcmd/bench":  {"synthetic"},
		"tagselect":       {"cli"},
		"metrics":         {},
		"plan":            {"cli"},
		"config":          {"cli"},
		"journal":         {},
		"run":             {"cli", "plan", "config", "tagselect", "metrics", "journal"},
		"gate":            {"cli", "run"},
		"image":           {"cli", "plan", "run", "gate", "synthetic", "tagselect"},
		"inspect":         base,
		"login":           base,
		"deletecmd":       base,
		"rawcall":         base,
		"probe":           {"cli", "run"},
		"imagesin":        base,
		"auditcmd":        base,
		"bundle":          append([]string{"store"}, base...),
		"bundlediff":      {"cli", "run", "image"},
		"store":           append([]string{"journal"}, base...),
		"mirror":          base,
		"listen":          {"cli", "run", "listen/ownca"},
		"record":          {"cli", "run", "listen"},
		"serve":           append([]string{"serve/htpasswd", "listen", "metrics"}, base...),
		"lists":           append([]string{"lists/liststore"}, base...),
		"benchcmd":        append([]string{"benchcmd/bench", "benchcmd/mix", "benchcmd/openloop", "benchcmd/compare", "synthetic"}, base...),
		"demo":            append([]string{"mirror"}, base...),
		"completion":      append([]string{"store"}, base...),

		"benchcmd/openloop": {},
		"benchcmd/mix":      {"benchcmd/bench", "benchcmd/openloop", "synthetic"},
		"benchcmd/compare":  {"benchcmd/bench", "benchcmd/mix"},
	}
}

// withoutHTTP are the packages that must work without net/http.
func withoutHTTP() []string {
	return []string{"blob", "blob/delta", "manifest", "manifest/signature", "distribution/transfer", "distribution/layout"}
}

func TestImportRules(t *testing.T) {
	root := filepath.Join("..", "..")
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if d.IsDir() {
			if rel == "integration" || strings.HasPrefix(rel, ".") && rel != "." {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		pkg := filepath.ToSlash(filepath.Dir(rel))
		seen[pkg] = true
		checkImports(t, path, pkg)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range libraryImports() {
		if !seen[pkg] {
			t.Errorf("the table has %s, which does not exist", pkg)
		}
	}
	for room := range commandImports() {
		if !seen[commandsPath+room] {
			t.Errorf("the table has %s, which does not exist", commandsPath+room)
		}
	}
}

// commandsPath is the folder of the command line's packages.
const commandsPath = "cmd/transship/internal/"

// mayImport reports whether pkg may import other, both of this module, and whether the tables have
// pkg.
func mayImport(pkg, other string) (allowed, known bool) {
	room, isRoom := strings.CutPrefix(pkg, commandsPath)
	switch {
	case pkg == "cmd/transship":
		return true, true
	case !isRoom:
		list, known := libraryImports()[pkg]
		return slices.Contains(list, other), known
	}
	list, known := commandImports()[room]
	otherRoom, otherIsRoom := strings.CutPrefix(other, commandsPath)
	return !otherIsRoom || slices.Contains(list, otherRoom), known
}

func checkImports(t *testing.T, path, pkg string) {
	if _, known := mayImport(pkg, ""); !known {
		t.Errorf("%s: package %s is not in the table", path, pkg)
		return
	}
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	for _, spec := range f.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		own, ours := strings.CutPrefix(name, module)
		if allowed, _ := mayImport(pkg, own); ours && !allowed {
			t.Errorf("%s: %s must not import %s", path, pkg, own)
		}
		if name == "net/http" && slices.Contains(withoutHTTP(), pkg) {
			t.Errorf("%s: %s must not import net/http", path, pkg)
		}
	}
}
