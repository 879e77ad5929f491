package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// comparedPage has tables whose last column is transship's: a shell line in backquotes, and its exit
// code if that is not 0.
const comparedPage = "../../docs/compared.md"

const comparedHead = "| | crane | skopeo | regctl | oras | docker | hauler | transship |"

var comparedCell = regexp.MustCompile("^`([^`]+)`(?:, exit (\\d+))?$")

// comparedRow is a row of the page's tables.
type comparedRow struct {
	title, line string
	exit        int
}

// comparedRows reads the page. Every row must have a cell for each tool, and a line of ours.
func comparedRows(t *testing.T) []comparedRow {
	t.Helper()
	page, err := os.ReadFile(comparedPage)
	if err != nil {
		t.Fatal(err)
	}
	var out []comparedRow
	for row := range strings.Lines(string(page)) {
		row = strings.TrimSpace(row)
		if !strings.HasPrefix(row, "|") || row == comparedHead || strings.HasPrefix(row, "|---") {
			continue
		}
		cells := strings.Split(strings.ReplaceAll(row, `\|`, "\x00"), "|") // the first and the last are empty
		if len(cells) != strings.Count(comparedHead, "|")+1 {
			t.Fatalf("%d cells in %s", len(cells)-2, row)
		}
		cell := strings.ReplaceAll(strings.TrimSpace(cells[len(cells)-2]), "\x00", "|")
		ours := comparedCell.FindStringSubmatch(cell)
		if ours == nil {
			t.Fatalf("no command in the last cell of %s", row)
		}
		exit, _ := strconv.Atoi(ours[2])
		out = append(out, comparedRow{title: strings.TrimSpace(cells[1]), line: ours[1], exit: exit})
	}
	return out
}

// Every command of transship in the tables of docs/compared.md, in order, between two registries. At
// the end the target has halo:1.6 in many repositories, with the digest of the source.
func TestCompared(t *testing.T) {
	t.Parallel()
	rows := comparedRows(t)
	if len(rows) < 30 {
		t.Fatalf("%d rows", len(rows))
	}
	im := fixture.Real()
	users := map[string]string{"user": "word of the user"}
	src, dst := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{Users: users})
	push(t, src, im, "halo", "1.6")
	push(t, src, im, "team/halo", "1.6")
	push(t, src, im.Only("linux/amd64"), "halo", "1.5")
	newSignedImage().push(t, src, "signed", "1.6", true)
	shell := comparedShell(t, "NAME=user", "PASSWORD="+users["user"], "SRC="+src.Host, "DST="+dst.Host)
	writeFile(t, shell.Dir, "images.txt", fmt.Sprintf("%[1]s/halo:1.5\n%[1]s/halo:1.6\n", src.Host))
	writeFile(t, shell.Dir, "compose.yaml", "services:\n  web:\n    image: halohub/halo:1.6\n")
	writeFile(t, shell.Dir, "config.json",
		fmt.Sprintf(`{"version": 1, "hosts": {"registry.example.com": {"mirrors": [%q]}}}`, src.Host))

	for _, row := range rows {
		r := runCompared(t, shell, row.line)
		if r.Exit != row.exit {
			t.Errorf("%s: %s: exit %d, want %d\n%s%s", row.title, row.line, r.Exit, row.exit, r.Stdout, r.Stderr)
		}
	}
	copies := 0
	for name, digest := range tagsOf(t, dst) {
		if !strings.HasSuffix(name, "halo:1.6") {
			continue
		}
		copies++
		if digest != im.Root().Digest.String() {
			t.Errorf("the target has %s as %s, the source %s", name, digest, im.Root().Digest)
		}
	}
	if copies < 10 {
		t.Errorf("the target has halo:1.6 in %d repositories", copies)
	}
}

// comparedShell returns a bash in a fresh folder, with transship and these variables.
func comparedShell(t *testing.T, env ...string) servers.Program {
	t.Helper()
	dir := t.TempDir()
	transship, _ := servers.Transship(t)
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(transship.Path, filepath.Join(dir, "bin/transship")); err != nil {
		t.Fatal(err)
	}
	return servers.Program{
		Path: servers.Find(t, "bash", "bash"), Args: []string{"-euo", "pipefail", "-c"}, Dir: dir,
		Env: append(env, "PATH="+filepath.Join(dir, "bin")+":/usr/bin:/bin", "HOME="+dir, "TMPDIR="+t.TempDir()),
	}
}

// runCompared runs a line. serve does not end by itself: it is interrupted once it has printed its URL.
func runCompared(t *testing.T, shell servers.Program, line string) servers.Result {
	t.Helper()
	if !strings.HasPrefix(line, "transship serve ") {
		return shell.Run(t, line)
	}
	var stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), shell.Path, append(shell.Args, "exec "+line)...)
	cmd.Dir, cmd.Env, cmd.Stderr = shell.Dir, shell.Env, &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	url, _ := bufio.NewReader(stdout).ReadString('\n')
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Errorf("%s: %v", line, err)
	}
	_ = cmd.Wait() // the exit code says it
	return servers.Result{Stdout: url, Stderr: stderr.String(), Exit: cmd.ProcessState.ExitCode()}
}
