package morphology

import (
	"fmt"

	"understudy/plugin/population"
)

// Limits on what is read; larger files are refused with population.ErrLimit.
const (
	MaxPoints   = 10_000_000 // points of one reconstruction
	MaxDepth    = 10_000     // nesting of branches or lists
	MaxSegments = 1_000_000  // segments of one cell
	maxCoordUM  = 1e6        // a metre: no neuron reaches this far
	maxDiamUM   = 1e4
	maxToken    = 64 << 10 // bytes of one word, string or line
)

// formatErr is a defect of a file at a line.
func formatErr(name string, line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s: %w", name, line, fmt.Sprintf(format, args...), population.ErrFormat)
}

func limitErr(name string, line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s: %w", name, line, fmt.Sprintf(format, args...), population.ErrLimit)
}

// checkCoords reports a position that is not finite or absurdly far away.
func checkCoords(name string, line int, p Point) error {
	for i, v := range [3]float64{p.X, p.Y, p.Z} {
		if !(v >= -maxCoordUM && v <= maxCoordUM) {
			return formatErr(name, line, "coordinate %c is %v um, expected a number within +-%g um", "xyz"[i], v, float64(maxCoordUM))
		}
	}
	return nil
}

// checkDiam reports a diameter with which no cable can be made.
func checkDiam(name string, line int, d float64) error {
	// The smallest float32 that is not denormal is far below any real diameter.
	if !(d >= 1e-6 && d <= maxDiamUM) {
		return formatErr(name, line, "diameter is %v um, expected more than 0 and at most %g um", d, float64(maxDiamUM))
	}
	return nil
}
