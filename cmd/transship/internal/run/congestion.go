package run

import "github.com/hczjl/transship/distribution/wire"

// congestion is the value of --congestion.
type congestion wire.SendCongestion

// String implements flag.Value.
func (c *congestion) String() string { return string(*c) }

// Set implements flag.Value. It refuses what the system does not offer.
func (c *congestion) Set(name string) error {
	*c = congestion(name)
	return wire.SendCongestion(name).Check()
}
