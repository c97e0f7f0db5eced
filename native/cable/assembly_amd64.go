//go:build !purego

package cable

//go:generate sh -c "cd _asm && go run . -out ../cable_amd64.s -stubs ../stub_amd64.go -pkg cable"

import "github.com/klauspost/cpuid/v2"

func assembled() []*Kernel {
	one2, four2, one512, four512, eight := avx2, avx2, avx512, avx512, avx512
	one2.solve, one2.base, one2.currents, one2.pool = solveAVX, baseAVX2x1, currentsAVX2x1, poolAVX2x1
	four2.solve, four2.base, four2.currents, four2.pool = solveAVX2, baseAVX2x4, currentsAVX2x4, poolAVX2x4
	one512.solve, one512.base, one512.currents, one512.pool = solveAVX, baseAVX512x1, currentsAVX512x1, poolAVX512x1
	four512.solve, four512.base, four512.currents, four512.pool = solveAVX2, baseAVX2x4, currentsAVX2x4, poolAVX2x4
	eight.solve, eight.base, eight.currents, eight.pool = solveAVX512, baseAVX512x8, currentsAVX512x8, poolAVX512x8
	return []*Kernel{
		{Name: "avx512", features: []cpuid.FeatureID{cpuid.AVX512F, cpuid.AVX512DQ, cpuid.AVX2}, loops: []*Loops{one512.loops(1), four512.loops(4), eight.loops(8)}},
		{Name: "avx2", features: []cpuid.FeatureID{cpuid.AVX2}, loops: []*Loops{one2.loops(1), four2.loops(4)}},
	}
}

var avx2 = assembly{wide: 4, locate: locateAVX2, locateOctave: locateOctaveAVX2, lookup: lookupAVX2, relax: relaxAVX2,
	relaxFour: relaxFourAVX2, extrapolate: extrapolateAVX2, flush: flushAVX2, synapses: synapsesAVX2}

var avx512 = assembly{wide: 8, locate: locateAVX512, locateOctave: locateOctaveAVX512, lookup: lookupAVX512, relax: relaxAVX512,
	relaxFour: relaxFourAVX512, extrapolate: extrapolateAVX512, flush: flushAVX512, synapses: synapsesAVX512}
