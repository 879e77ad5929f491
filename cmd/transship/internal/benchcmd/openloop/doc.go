// Package openloop makes calls at a rate that does not depend on how long they take, and measures how
// long they take from when they were due. Start with [Generator].
//
// A closed loop starts a call when an earlier one has ended, so a server that stalls is asked less, and
// the calls that would have met the stall are missing from the result (coordinated omission). Here a
// [Schedule] says in advance when each call is due. A call that starts late, for whatever reason, is
// counted from when it was due.
package openloop
