// Package measure judges spikes and voltages: a surrogate against the cell it
// stands in for, and the activity of a network.
package measure

import (
	"encoding/json"
	"math"
	"strconv"
)

// Figure is a measured number and how many spikes, or what else its function
// names, it rests on.
type Figure struct {
	Value float64 // NaN where undefined
	N     int
}

// Format prints the value with the given number of decimals, "-" where it is undefined.
func (f Figure) Format(decimals int) string {
	if math.IsNaN(f.Value) || math.IsInf(f.Value, 0) {
		return "-"
	}
	return strconv.FormatFloat(f.Value, 'f', decimals, 64)
}

// MarshalJSON writes {"value": v, "n": n}, with null where v is undefined.
func (f Figure) MarshalJSON() ([]byte, error) {
	var v *float64
	if !math.IsNaN(f.Value) && !math.IsInf(f.Value, 0) {
		v = &f.Value
	}
	return json.Marshal(struct {
		Value *float64 `json:"value"`
		N     int      `json:"n"`
	}{v, f.N})
}
