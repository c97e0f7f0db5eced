package onnx

import (
	"fmt"
	"math"

	"understudy/plugin/population"
)

func badf(format string, a ...any) error {
	return fmt.Errorf("%w: %s", population.ErrFormat, fmt.Sprintf(format, a...))
}

func limitf(format string, a ...any) error {
	return fmt.Errorf("%w: %s", population.ErrLimit, fmt.Sprintf(format, a...))
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// maxDims bounds the axes of a tensor.
const maxDims = 8
