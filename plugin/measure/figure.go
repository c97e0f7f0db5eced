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
	return json.Marshal(struct {
		Value *float64 `json:"value"`
		N     int      `json:"n"`
	}{number(f.Value), f.N})
}

// number is x as JSON can say it: nil, null there, where x is not finite.
func number(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

// Interval is a confidence interval; NaN where it is undefined.
type Interval struct{ Low, High float64 }

// undefined is an interval that says nothing.
var undefined = Interval{math.NaN(), math.NaN()}

// Format prints "low to high" with the given number of decimals, "-" where undefined.
func (i Interval) Format(decimals int) string {
	if number(i.Low) == nil || number(i.High) == nil {
		return "-"
	}
	return Figure{Value: i.Low}.Format(decimals) + " to " + Figure{Value: i.High}.Format(decimals)
}

// Scale returns the interval of by times the figure, by > 0.
func (i Interval) Scale(by float64) Interval { return Interval{by * i.Low, by * i.High} }

// MarshalJSON writes [low, high], null where undefined.
func (i Interval) MarshalJSON() ([]byte, error) {
	if number(i.Low) == nil || number(i.High) == nil {
		return []byte("null"), nil
	}
	return json.Marshal([2]float64{i.Low, i.High})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (i *Interval) UnmarshalJSON(b []byte) error {
	*i = undefined
	if string(b) == "null" {
		return nil
	}
	var v [2]float64
	err := json.Unmarshal(b, &v)
	i.Low, i.High = v[0], v[1]
	return err
}
