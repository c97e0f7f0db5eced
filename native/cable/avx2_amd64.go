//go:build !purego

package cable

//go:generate sh -c "cd _asm && go run . -out ../cable_amd64.s -stubs ../stub_amd64.go -pkg cable"

import (
	"unsafe"

	"github.com/klauspost/cpuid/v2"
)

func assembled() []*Kernel { return []*Kernel{avx2()} }

// avx2 works on four elements at a time; what is left over goes through the
// reference. Solve is assembly for four cells side by side only.
func avx2() *Kernel {
	return &Kernel{
		Name:     "avx2",
		features: []cpuid.FeatureID{cpuid.AVX2},
		Locate: func(row []int32, frac, v []float64, grid Grid) {
			n := len(v) &^ 3
			if n > 0 {
				_, _ = row[n-1], frac[n-1]
				locateVoltageAVX2(n, &row[0], &frac[0], &v[0], grid.Low, grid.PerMV, float64(grid.Rows-1))
			}
			locate(row[n:], frac[n:], v[n:], grid)
		},
		Relax: func(x []float64, row []int32, frac, table []float64) {
			n := len(x) &^ 3
			if n > 0 {
				_, _ = row[n-1], frac[n-1]
				relaxAVX2(n, &x[0], &row[0], &frac[0], &table[0])
			}
			relax(x[n:], row[n:], frac[n:], table)
		},
		Ohmic: func(d, rhs, g []float64, e float64, x0, x1 []float64, p0, p1 int) {
			n := len(d) &^ 3
			single, cubic := p0 == 1 && p1 == 0, p0 == 3 && p1 == 1
			if !single && !cubic {
				n = 0
			}
			if n > 0 {
				_, _, _, _ = rhs[n-1], g[n-1], x0[n-1], x1[n-1]
				if single {
					ohmic1AVX2(n, &d[0], &rhs[0], &g[0], e, &x0[0], &x1[0])
				} else {
					ohmic31AVX2(n, &d[0], &rhs[0], &g[0], e, &x0[0], &x1[0])
				}
			}
			ohmic(d[n:], rhs[n:], g[n:], e, x0[n:], x1[n:], p0, p1)
		},
		Calcium: func(d, rhs, ica, v, e, g, x0, x1 []float64, p0, p1 int) {
			n := len(d) &^ 3
			if p0 != 2 || p1 != 1 {
				n = 0
			}
			if n > 0 {
				_, _, _, _, _, _, _ = rhs[n-1], ica[n-1], v[n-1], e[n-1], g[n-1], x0[n-1], x1[n-1]
				calcium21AVX2(n, &d[0], &rhs[0], &ica[0], &v[0], &e[0], &g[0], &x0[0], &x1[0])
			}
			calcium(d[n:], rhs[n:], ica[n:], v[n:], e[n:], g[n:], x0[n:], x1[n:], p0, p1)
		},
		Extrapolate: func(v, half []float64) {
			n := len(v) &^ 3
			if n > 0 {
				_ = half[n-1]
				extrapolateAVX2(n, &v[0], &half[0])
			}
			extrapolate(v[n:], half[n:])
		},
		Synapse: func(d, rhs, a, b []float64, s Synapse) {
			n := len(d) &^ 3
			if n > 0 {
				_, _, _ = rhs[n-1], a[n-1], b[n-1]
				synapseAVX2(n, &d[0], &rhs[0], &a[0], &b[0], s.Gmax, s.E, s.DecA, s.DecB)
			}
			synapse(d[n:], rhs[n:], a[n:], b[n:], s)
		},
		BlockedSynapse: func(d, rhs, v []float64, row []int32, frac, a, b, table []float64, s Synapse) {
			n := len(d) &^ 3
			if n > 0 {
				_, _, _, _, _, _ = rhs[n-1], v[n-1], row[n-1], frac[n-1], a[n-1], b[n-1]
				blockedSynapseAVX2(n, &d[0], &rhs[0], &v[0], &row[0], &frac[0], &a[0], &b[0], &table[0], s.Gmax, s.E, s.Secant, s.DecA, s.DecB)
			}
			blockedSynapse(d[n:], rhs[n:], v[n:], row[n:], frac[n:], a[n:], b[n:], table, s)
		},
		Solve: func(width int, branches []Branch, d, rhs []float64) {
			if width != 4 {
				solve(width, branches, d, rhs)
				return
			}
			root := len(branches) - 1
			solve4AVX2(root, (*byte)(unsafe.Pointer(&branches[0])), &d[0], &rhs[0], int(branches[root].Row))
		},
	}
}
