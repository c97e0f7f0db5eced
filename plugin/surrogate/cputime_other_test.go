//go:build !unix

package surrogate_test

import (
	"math"
	"testing"
)

// cpuTime is not known here.
func cpuTime(*testing.B) float64 { return math.NaN() }
