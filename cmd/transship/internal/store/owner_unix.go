//go:build unix

package store

import (
	"fmt"
	"os"
	"syscall"
)

// checkOwner refuses a folder of another user. With sudo, HOME may still be the caller's, and files
// of root would lock the caller out of their store.
func checkOwner(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return nil // opening the folder gives a better error
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) == os.Geteuid() {
		return nil
	}
	return fmt.Errorf("it belongs to user %d, and this is user %d", stat.Uid, os.Geteuid())
}
