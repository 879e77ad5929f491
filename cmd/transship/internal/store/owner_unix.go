//go:build unix

package store

import (
	"fmt"
	"os"
	"syscall"
)

// checkOwner refuses a folder of somebody else that the user has not named. With sudo HOME may still be that of the
// caller, and files of root would lock the caller out of the own store.
func checkOwner(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return nil // opening it tells more
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) == os.Geteuid() {
		return nil
	}
	return fmt.Errorf("it belongs to user %d, and this is user %d", stat.Uid, os.Geteuid())
}
