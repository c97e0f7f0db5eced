// Package portable holds functions that give the same bits on every machine.
// math.Exp does not: some platforms have it in assembly, some fuse its
// multiplications and additions.
package portable

import "math"

// ExpNeg returns exp(-x) for x >= 0, within 1e-15 relative; 0 above 700.
func ExpNeg(x float64) float64 {
	// ln 2 in two parts, the first short enough that its product with k is exact.
	const ln2Hi, ln2Lo = 0x1.62e42fefa38p-1, 0x1.ef35793c7673p-45
	if x > 700 {
		return 0
	}
	k := math.Floor(float64(x/math.Ln2) + 0.5)
	y := float64(k*ln2Hi) - x + float64(k*ln2Lo) // exp(-x) = 2^-k exp(y), |y| <= ln2/2
	sum := 1.0
	for n := 14.0; n >= 1; n-- { // Taylor series by Horner's rule
		sum = 1 + float64(sum*y)/n
	}
	return math.Ldexp(sum, -int(k))
}
