package compare

import (
	"fmt"
	"reflect"
)

// SandboxCost is what running the surrogates in a sandbox costs.
type SandboxCost struct {
	// NativeWallMSPerMS is the wall time of the same network of surrogates outside of it, with one thread, as the
	// sandbox has.
	NativeWallMSPerMS float64 `json:"native_wall_ms_per_ms"`
	// Ratio is the sandbox's wall time over the native one.
	Ratio float64 `json:"ratio"`
	// Spikes is their number in the sandbox, and SameSpikes tells whether they are those outside.
	Spikes     int  `json:"spikes"`
	SameSpikes bool `json:"same_spikes"`
}

func sandboxCost(sandbox, native *simulation, ms int) *SandboxCost {
	return &SandboxCost{
		NativeWallMSPerMS: native.wall.Seconds() * 1000 / float64(ms),
		Ratio:             sandbox.wall.Seconds() / native.wall.Seconds(),
		Spikes:            len(sandbox.rec.Spikes),
		SameSpikes:        reflect.DeepEqual(sandbox.trains, native.trains),
	}
}

// sandboxTables is the cost of the sandbox, where surrogates ran in one.
func (r *Result) sandboxTables() []table {
	t := table{Title: "The sandbox", Header: []string{"neurons", "wall ms/ms|native", "wall ms/ms|sandbox", "sandbox|over native", "spikes", "same|spikes"}}
	for i := range r.Rows {
		w := &r.Rows[i]
		if w.Sandbox == nil {
			return nil
		}
		same := "no"
		if w.Sandbox.SameSpikes {
			same = "yes"
		}
		t.Rows = append(t.Rows, []string{fmt.Sprint(w.Neurons), figure(w.Sandbox.NativeWallMSPerMS), figure(w.Surrogate.WallMSPerMS),
			figure(w.Sandbox.Ratio) + "x", fmt.Sprint(w.Sandbox.Spikes), same})
	}
	return []table{t}
}

// sandboxNote explains the table.
const sandboxNote = "The sandbox: surrogates run in WebAssembly, and once more outside of it, each on one thread; routing is in both times. Same spikes: all of them, in the same ms; in int8 they must be, in f32 only where the native kernel does not fuse multiplication and addition."
