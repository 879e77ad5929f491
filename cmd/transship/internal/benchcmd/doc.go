// Package benchcmd is the commands that measure how fast images move: [Bench] returns bench push,
// pull, copy, mount and resolve. The measuring itself is in package bench.
package benchcmd
