//go:build !purego

package native

import "github.com/klauspost/cpuid/v2"

//go:generate sh -c "cd _asm && go run ./activation -out ../activation_amd64.s -stubs ../activation_stub_amd64.go -pkg native"

func init() {
	if cpuid.CPU.Supports(cpuid.AVX2) {
		activators = append(activators, activator{"avx2", avx2Activate})
	}
	if cpuid.CPU.Supports(cpuid.AVX512F) {
		activators = append(activators, activator{"avx512", avx512Activate})
	}
}

func avx2Activate(kind Activation, y []float32, alpha float32) {
	if n := len(y) &^ 7; n > 0 {
		avx2ActivateVectors(kind, n, &y[0], alpha)
		y = y[n:]
	}
	if len(y) > 0 {
		var rest [8]float32
		copy(rest[:], y)
		avx2ActivateVectors(kind, len(rest), &rest[0], alpha)
		copy(y, rest[:])
	}
}

func avx512Activate(kind Activation, y []float32, alpha float32) {
	if n := len(y) &^ 15; n > 0 {
		avx512ActivateVectors(kind, n, &y[0], alpha)
		y = y[n:]
	}
	if len(y) > 0 {
		var rest [16]float32
		copy(rest[:], y)
		avx512ActivateVectors(kind, len(rest), &rest[0], alpha)
		copy(y, rest[:])
	}
}

// The calls are spelled out rather than kept in a table so that the compiler sees
// that rest above does not escape.

func avx2ActivateVectors(kind Activation, n int, y *float32, alpha float32) {
	switch kind {
	case LeakyReLU:
		leakyReLUAVX2(n, y, alpha)
	case ELU:
		eluAVX2(n, y, alpha)
	case SiLU:
		siluAVX2(n, y, alpha)
	case GELU:
		geluAVX2(n, y, alpha)
	case GELUTanh:
		geluTanhAVX2(n, y, alpha)
	case Tanh:
		tanhAVX2(n, y, alpha)
	case Sigmoid:
		sigmoidAVX2(n, y, alpha)
	case ScaledTanh:
		scaledTanhAVX2(n, y, alpha)
	default:
		panic("native: unknown activation")
	}
}

func avx512ActivateVectors(kind Activation, n int, y *float32, alpha float32) {
	switch kind {
	case LeakyReLU:
		leakyReLUAVX512(n, y, alpha)
	case ELU:
		eluAVX512(n, y, alpha)
	case SiLU:
		siluAVX512(n, y, alpha)
	case GELU:
		geluAVX512(n, y, alpha)
	case GELUTanh:
		geluTanhAVX512(n, y, alpha)
	case Tanh:
		tanhAVX512(n, y, alpha)
	case Sigmoid:
		sigmoidAVX512(n, y, alpha)
	case ScaledTanh:
		scaledTanhAVX512(n, y, alpha)
	default:
		panic("native: unknown activation")
	}
}
