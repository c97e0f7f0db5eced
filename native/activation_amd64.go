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
	if len(y) == 0 {
		return
	}
	n, p := len(y), &y[0]
	switch kind {
	case LeakyReLU:
		leakyReLUAVX2(n, p, alpha)
	case ELU:
		eluAVX2(n, p, alpha)
	case SiLU:
		siluAVX2(n, p, alpha)
	case GELU:
		geluAVX2(n, p, alpha)
	case GELUTanh:
		geluTanhAVX2(n, p, alpha)
	case Tanh:
		tanhAVX2(n, p, alpha)
	case Sigmoid:
		sigmoidAVX2(n, p, alpha)
	case ScaledTanh:
		scaledTanhAVX2(n, p, alpha)
	default:
		panic("native: unknown activation")
	}
}

func avx512Activate(kind Activation, y []float32, alpha float32) {
	if len(y) == 0 {
		return
	}
	n, p := len(y), &y[0]
	switch kind {
	case LeakyReLU:
		leakyReLUAVX512(n, p, alpha)
	case ELU:
		eluAVX512(n, p, alpha)
	case SiLU:
		siluAVX512(n, p, alpha)
	case GELU:
		geluAVX512(n, p, alpha)
	case GELUTanh:
		geluTanhAVX512(n, p, alpha)
	case Tanh:
		tanhAVX512(n, p, alpha)
	case Sigmoid:
		sigmoidAVX512(n, p, alpha)
	case ScaledTanh:
		scaledTanhAVX512(n, p, alpha)
	default:
		panic("native: unknown activation")
	}
}
