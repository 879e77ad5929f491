package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/servers"
)

// disk is an ext4 file system, mounted at dir, on a block device whose content at any moment can be kept: that is what a machine
// which loses its power leaves. The device is a file on XFS, which clones a file in one step.
type disk struct {
	dir, outer, device string
}

func newDisk(t *testing.T) *disk {
	t.Helper()
	if os.Getenv("TRANSSHIP_POWERLOSS") == "" {
		t.Skip("make powerloss runs this")
	}
	base := t.TempDir()
	d := &disk{dir: filepath.Join(base, "disk"), outer: filepath.Join(base, "outer")}
	for _, dir := range []string{d.dir, d.outer} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	sh(t, "truncate", "-s", "3G", d.outer+".img")
	sh(t, "mkfs.xfs", "-q", "-m", "reflink=1", d.outer+".img")
	sh(t, "mount", "-o", "loop", d.outer+".img", d.outer)
	t.Cleanup(func() { sh(t, "umount", "--lazy", d.outer) })
	image := filepath.Join(d.outer, "disk.img")
	sh(t, "truncate", "-s", "1G", image)
	sh(t, "mkfs.ext4", "-q", image)
	d.mount(t, image)
	t.Cleanup(func() { d.unmount(t) })
	return d
}

func (d *disk) mount(t *testing.T, image string) {
	t.Helper()
	d.device = strings.TrimSpace(sh(t, "losetup", "--find", "--show", "--direct-io=on", image))
	sh(t, "mount", d.device, d.dir)
}

func (d *disk) unmount(t *testing.T) {
	t.Helper()
	sh(t, "umount", d.dir)
	sh(t, "losetup", "--detach", d.device)
}

// keep keeps what is on the device now.
func (d *disk) keep(t *testing.T) {
	t.Helper()
	sh(t, "cp", "--reflink=always", filepath.Join(d.outer, "disk.img"), filepath.Join(d.outer, "kept.img"))
}

// restore mounts what was kept in the place of what has become of it since.
func (d *disk) restore(t *testing.T) {
	t.Helper()
	d.unmount(t)
	d.mount(t, filepath.Join(d.outer, "kept.img"))
}

func sh(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// lost is what may be lost of what had arrived: it is synced every 16 MiB, and is written to the disk for a while.
const lost = 24 * mib

// A push, a pull, a copy into a folder and a save go on after the machine has lost its power at nine tenths of a layer, with what
// the disk had then. Nothing wrong comes of it.
func TestPowerLoss(t *testing.T) {
	from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	im := bigImage()
	source := push(t, from, im, "big", "1")
	for name, c := range map[string]struct {
		arrived func(dir string) func() int64
		args    func(dir string) []string
		most    int64
	}{
		"push": {
			func(string) func() int64 { return uploadAt(to, "big") },
			func(string) []string { return []string{"copy", source, to.Host + "/big:1"} },
			maxResumed,
		},
		"pull": {
			func(dir string) func() int64 { return largestFile(dir, "store/.transship/tmp/*") },
			func(string) []string { return []string{"pull", source} },
			maxResumed + lost,
		},
		"copy": {
			func(dir string) func() int64 { return largestFile(dir, "folder/.transship/tmp/*") },
			func(dir string) []string { return []string{"copy", source, "oci:" + dir + "/folder:1"} },
			maxResumed + lost,
		},
		"save": {
			func(dir string) func() int64 { return noted(dir + "/big.tar.partial/filled") },
			func(dir string) []string { return []string{"save", "-o", dir + "/big.tar", source} },
			maxResumed + lost,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t)
			transship, _ := servers.Transship(t)
			transship.Env = append(transship.Env, "XDG_STATE_HOME="+d.dir+"/state", "TRANSSHIP_STORE="+d.dir+"/store")
			arrived := c.arrived(d.dir)
			killAt(t, transship, func() int64 {
				n := arrived()
				if n >= bigLayer*9/10 {
					d.keep(t)
				}
				return n
			}, append(c.args(d.dir), "--rate=20MiB/s")...)
			d.restore(t)
			m := runAudited(t, transship, c.args(d.dir)...)
			t.Logf("sent %d%%, received %d%% of the layer again", m.Total.Sent*100/bigLayer, m.Total.Received*100/bigLayer)
			switch name {
			case "push":
				verify(t, to, im, "big", "1")
				m.Total.Received = max(m.Total.Received-lost, m.Total.Sent) // what was read is noted in steps of 16 MiB
			case "pull":
				transship.Output(t, "verify", d.dir+"/store")
			case "copy":
				transship.Output(t, "verify", d.dir+"/folder")
			case "save":
				transship.Output(t, "verify", d.dir+"/big.tar")
			}
			if m.Total.Received > c.most {
				t.Errorf("%d bytes were moved, want at most %d", m.Total.Received, c.most)
			}
		})
	}
}
