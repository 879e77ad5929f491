package cli

import "testing"

func TestDriveOfSlashes(t *testing.T) {
	for path, want := range map[string]string{"C:/images": "C:", "c:x.tar": "c:", "images": "", `\\server\images`: ""} {
		if got := DriveOf(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}
