//go:build !linux

package bench

import (
	"runtime/metrics"
	"time"
)

// cpuTime returns the processor time that this process's Go code has used, as the runtime estimates it.
func cpuTime() time.Duration {
	v := metric("/cpu/classes/total:cpu-seconds").Float64() - metric("/cpu/classes/idle:cpu-seconds").Float64()
	return time.Duration(v * float64(time.Second))
}

// resetPeak does nothing: the runtime keeps no peak.
func resetPeak() {}

// peakMemory returns what the runtime has of the system's memory, in bytes.
func peakMemory() int64 {
	return int64(metric("/memory/classes/total:bytes").Uint64() - metric("/memory/classes/heap/released:bytes").Uint64())
}

func metric(name string) metrics.Value {
	s := []metrics.Sample{{Name: name}}
	metrics.Read(s)
	return s[0].Value
}

// cpuModel returns "": there is no one place for it.
func cpuModel() string { return "" }
