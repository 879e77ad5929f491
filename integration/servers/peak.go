package servers

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"
)

// residentPeak matches the most memory that a process has had resident, in KiB (proc(5)). What getrusage tells instead
// may be the peak of the process that has started it.
var residentPeak = regexp.MustCompile(`VmHWM:\s*(\d+) kB`)

// Peak follows the peak of a process's resident memory until it ends, and then gives it in bytes; 0 where the system has
// no /proc.
func Peak(pid int) <-chan int64 {
	peak := make(chan int64, 1)
	go func() {
		var most int64
		for {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			m := residentPeak.FindSubmatch(status)
			if err != nil || m == nil { // a process that has ended has no memory
				peak <- most
				return
			}
			most, _ = strconv.ParseInt(string(m[1]), 10, 64)
			most <<= 10
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return peak
}
