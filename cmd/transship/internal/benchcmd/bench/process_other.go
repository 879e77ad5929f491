//go:build !linux

package bench

import (
	"runtime/metrics"
	"time"
)

// CPUTime returns the runtime's estimate of the CPU time of this process's Go code.
func CPUTime() time.Duration {
	v := metric("/cpu/classes/total:cpu-seconds").Float64() - metric("/cpu/classes/idle:cpu-seconds").Float64()
	return time.Duration(v * float64(time.Second))
}

// BusyTime returns 0: there is no portable way to get it.
func BusyTime() time.Duration { return 0 }

// resetPeak does nothing: the runtime has no peak.
func resetPeak() {}

// peakMemory returns the memory that the runtime has from the system, in bytes.
func peakMemory() int64 {
	return int64(metric("/memory/classes/total:bytes").Uint64() - metric("/memory/classes/heap/released:bytes").Uint64())
}

func metric(name string) metrics.Value {
	s := []metrics.Sample{{Name: name}}
	metrics.Read(s)
	return s[0].Value
}

// cpuModel returns "": there is no portable way to get it.
func cpuModel() string { return "" }
