// Package mix makes a mix of calls to a registry at a given rate, and says how long they take: see
// [Mix]. The rate and the measuring are those of package openloop.
package mix
