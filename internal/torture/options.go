package torture

import (
	"fmt"
	"io"
	"strconv"
	"time"
)

// Options size a run. The zero value of a field takes the default.
type Options struct {
	Seed   uint64
	Orders int
	// Kills are spread over Duration, in which the merchants' orders are made
	// too.
	Kills    int
	Duration time.Duration
	// Merchants is how many orders are under way at a time.
	Merchants int
	// Drain bounds the wait until everything is settled after the last fault.
	Drain time.Duration
	// SkipLimits ends the drain although orders wait for their limit, which takes
	// two minutes at least.
	SkipLimits bool
	// Out takes what is said during the run; nil: nothing is said.
	Out io.Writer
}

// Variables of the environment that set the options.
const (
	SeedEnv    = "PAYMUX_TORTURE_SEED"
	OrdersEnv  = "PAYMUX_TORTURE_ORDERS"
	KillsEnv   = "PAYMUX_TORTURE_KILLS"
	MinutesEnv = "PAYMUX_TORTURE_MINUTES"
)

// FromEnvironment overrides the options by the variables that are set.
func (o Options) FromEnvironment(lookup func(string) string) (Options, error) {
	set := func(name string, into func(n uint64)) error {
		text := lookup(name)
		if text == "" {
			return nil
		}
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return fmt.Errorf("%s: %q is not a whole number", name, text)
		}
		into(n)
		return nil
	}
	for _, v := range []struct {
		name string
		into func(n uint64)
	}{
		{SeedEnv, func(n uint64) { o.Seed = n }},
		{OrdersEnv, func(n uint64) { o.Orders = int(min(n, 1_000_000)) }},
		{KillsEnv, func(n uint64) { o.Kills = int(min(n, 100_000)) }},
		{MinutesEnv, func(n uint64) { o.Duration = time.Duration(min(n, 24*60)) * time.Minute }},
	} {
		if err := set(v.name, v.into); err != nil {
			return o, err
		}
	}
	return o, nil
}

func (o Options) withDefaults() Options {
	if o.Orders == 0 {
		o.Orders = 200
	}
	if o.Duration == 0 {
		o.Duration = 30 * time.Second
	}
	if o.Merchants == 0 {
		o.Merchants = 12
	}
	if o.Drain == 0 {
		o.Drain = 4 * time.Minute
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	return o
}
