// Package compare compares results of benchmarks, as their --json has them: see [Read] and [Report].
package compare
