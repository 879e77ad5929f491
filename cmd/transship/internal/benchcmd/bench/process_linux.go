package bench

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// CPUTime returns the CPU time of this process, user and system.
func CPUTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BusyTime returns how long all processors of the machine together have worked since it started, in steps
// of 10 ms, or 0 if that is unknown (proc(5), /proc/stat).
func BusyTime() time.Duration {
	stat, _ := os.ReadFile("/proc/stat")
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	ticks := int64(0)
	for i, field := range strings.Fields(string(line)) {
		n, err := strconv.ParseInt(field, 10, 64)
		if idle := i == 4 || i == 5; err == nil && !idle && i <= 8 { // 9 and 10, of guests, are in 1 and 2 too
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// resetPeak resets the peak of resident memory (proc(5), /proc/pid/clear_refs, 5).
func resetPeak() {
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // if it fails the peak is that of the whole run
}

// peakMemory returns the peak of resident memory in bytes, or 0 if it is unknown (proc(5),
// /proc/pid/status, VmHWM).
func peakMemory() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := bytes.Cut(status, []byte("VmHWM:"))
	fields := strings.Fields(string(after))
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(fields[0], 10, 64)
	return n << 10
}

// cpuModel returns the processor's name as go test prints it, or "" if it is unknown.
func cpuModel() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	_, after, _ := strings.Cut(string(info), "model name")
	line, _, _ := strings.Cut(after, "\n")
	return strings.Trim(line, "\t :")
}
