package portable

import (
	"math"
	"testing"
)

func TestExpNeg(t *testing.T) {
	for x := 0.0; x < 690; x += 0.0137 + x/97 {
		if got, want := ExpNeg(x), math.Exp(-x); math.Abs(got-want) > 1e-15*want {
			t.Fatalf("ExpNeg(%g) = %g, math.Exp gives %g", x, got, want)
		}
	}
	for _, x := range []float64{701, 1e6, math.Inf(1)} {
		if got := ExpNeg(x); got != 0 {
			t.Errorf("ExpNeg(%g) = %g, want 0", x, got)
		}
	}
}
