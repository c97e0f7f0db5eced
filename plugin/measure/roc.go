package measure

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/stat"
)

// ROC is a receiver operating characteristic: point i is what "score >=
// Threshold[i]" finds. Points run from nothing found (threshold +Inf) to
// everything found.
type ROC struct {
	FalsePositive, TruePositive, Threshold []float64 // rates, 0..1
	Positives, Negatives                   int
}

// NewROC computes the curve of scores (not NaN) against labels of equal
// length. Equal scores share one point.
func NewROC(score []float32, label []bool) ROC {
	y, classes := make([]float64, len(score)), append([]bool(nil), label...)
	var r ROC
	for i, s := range score {
		y[i] = float64(s)
		if label[i] {
			r.Positives++
		} else {
			r.Negatives++
		}
	}
	stat.SortWeightedLabeled(y, classes, nil)
	r.TruePositive, r.FalsePositive, r.Threshold = stat.ROC(nil, y, classes, nil)
	return r
}

// AUC is the area under the curve: the probability that a positive scores
// above a negative, ties counting half. NaN without a positive or a negative.
func (r ROC) AUC() float64 {
	if r.Positives == 0 || r.Negatives == 0 {
		return math.NaN()
	}
	area := 0.0
	for i := 1; i < len(r.Threshold); i++ {
		area += (r.FalsePositive[i] - r.FalsePositive[i-1]) * (r.TruePositive[i] + r.TruePositive[i-1]) / 2
	}
	return area
}

// TruePositivesAt returns the highest true-positive rate whose false-positive
// rate is at most fp, and its threshold. NaN without a positive or a negative.
func (r ROC) TruePositivesAt(fp float64) (rate, threshold float64) {
	if r.Positives == 0 || r.Negatives == 0 {
		return math.NaN(), math.NaN()
	}
	// Rates are rounded quotients: compare counts.
	n := float64(r.Negatives)
	over := sort.Search(len(r.Threshold), func(i int) bool {
		return math.Round(r.FalsePositive[i]*n) > fp*n*(1+1e-12)
	})
	return r.TruePositive[over-1], r.Threshold[over-1]
}

// Thin returns at most n points spread over the curve, its ends included, for a plot.
func (r ROC) Thin(n int) (falsePositive, truePositive []float64) {
	last := len(r.Threshold) - 1
	for i := range n {
		k := i * last / max(1, n-1)
		if i > 0 && k == (i-1)*last/max(1, n-1) || last < 0 {
			continue
		}
		falsePositive = append(falsePositive, r.FalsePositive[k])
		truePositive = append(truePositive, r.TruePositive[k])
	}
	return falsePositive, truePositive
}
