package surrogate

import "math"

var nan = []float32{float32(math.NaN())}

// sigmoid is 1/(1+exp(-z)), correct to within one unit in the last place of
// float32 and the same bits on every platform, which math.Exp is not: some
// have it in assembly.
func sigmoid(z float32) float32 {
	x := float64(z)
	if x != x {
		return z
	}
	if x >= 0 {
		return float32(1 / (1 + expNeg(-x)))
	}
	e := expNeg(x)
	return float32(e / (1 + e))
}

// expNeg is exp(x) for x <= 0, within 1e-14 relative; 0 below -104, where
// float32 ends.
func expNeg(x float64) float64 {
	if x < -104 {
		return 0
	}
	// x = k*ln2 + r with |r| <= ln2/2; ln2 in two parts, the first short enough that
	// its product with k is exact.
	const hi, lo = 6.93147180369123816490e-01, 1.90821492927058770002e-10
	k := math.Floor(float64(x*math.Log2E) + 0.5)
	r := (x - float64(k*hi)) - float64(k*lo)
	// Taylor series to r^12/12!, by Horner's rule.
	s := 1.0
	for n := 12.0; n >= 1; n-- {
		s = 1 + float64(s*r)/n
	}
	return s * math.Float64frombits(uint64(int64(k)+1023)<<52)
}
