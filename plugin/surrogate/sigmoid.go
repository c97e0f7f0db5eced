package surrogate

import (
	"math"

	"understudy/plugin/portable"
)

var nan = float32(math.NaN())

// sigmoid is 1/(1+exp(-z)), correct to within one unit in the last place of
// float32 and the same bits on every platform.
func sigmoid(z float32) float32 {
	x := float64(z)
	if x != x {
		return z
	}
	if x >= 0 {
		return float32(1 / (1 + portable.ExpNeg(x)))
	}
	e := portable.ExpNeg(-x)
	return float32(e / (1 + e))
}
