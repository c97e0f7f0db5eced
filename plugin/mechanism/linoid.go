package mechanism

import "math"

// linoid is x / (exp(x/k) - 1), the removable singularity of many rates:
// k - x/2 near x = 0.
func linoid(x, k float64) float64 {
	if math.Abs(x/k) < 1e-6 {
		return k - x/2
	}
	return x / math.Expm1(x/k)
}

// boltzmann is 1 / (1 + exp((v-half)/k)).
func boltzmann(v, half, k float64) float64 { return 1 / (1 + math.Exp((v-half)/k)) }

// alphaBeta turns opening and closing rates [1/ms] into a steady state and a time
// constant [ms], the latter divided by the temperature factor q.
func alphaBeta(a, b, q float64) (inf, tau float64) {
	s := a + b
	return a / s, 1 / (s * q)
}
