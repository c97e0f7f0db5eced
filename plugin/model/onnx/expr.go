package onnx

import (
	"math"

	"understudy/plugin/model"
)

// expr is a function of one number, applied to every value of a signal. Exporters
// write GELU and SiLU as several elementwise nodes; following them as
//
//	p[0] + p[1]*x + p[2]*x^2 + p[3]*x^3 + (q[0] + q[1]*x + q[2]*x^2 + q[3]*x^3)*g(x)
//
// with g one of the functions below recognises them in whatever order they are written.
type expr struct {
	g    string
	p, q [4]float64
}

// Functions g of an expr.
const (
	exprErf     = "erf(x/sqrt(2))"
	exprTanh    = "tanh(sqrt(2/pi)*(x+0.044715*x^3))" // of the approximation of GELU
	exprSigmoid = "sigmoid(x)"
)

var exprX = expr{p: [4]float64{1: 1}}

// isX: the function changes nothing.
func (e expr) isX() bool { return e == exprX }

// isAffine: p[0] + p[1]*x.
func (e expr) isAffine() bool { return e.g == "" && e.p[2] == 0 && e.p[3] == 0 }

func exprNumber(x float64) expr { return expr{p: [4]float64{x}} }

// add returns a + b; ok is false where it has not this form.
func (a expr) add(b expr) (sum expr, ok bool) {
	if a.g != "" && b.g != "" && a.g != b.g {
		return a, false
	}
	if a.g == "" {
		a.g = b.g
	}
	for k := range a.p {
		a.p[k] += b.p[k]
		a.q[k] += b.q[k]
	}
	return a, true
}

// mul returns a * b; ok is false where it has not this form.
func (a expr) mul(b expr) (m expr, ok bool) {
	if a.g != "" && b.g != "" {
		return a, false
	}
	if b.g != "" {
		a, b = b, a
	}
	m.g = a.g
	for i := range a.p {
		for j := range b.p {
			if i+j < len(m.p) {
				m.p[i+j] += a.p[i] * b.p[j]
				m.q[i+j] += a.q[i] * b.p[j]
			} else if (a.p[i] != 0 || a.q[i] != 0) && b.p[j] != 0 {
				return a, false
			}
		}
	}
	return m, true
}

// near compares coefficients that an exporter rounded to float32.
func (a expr) near(b expr) bool {
	if a.g != b.g {
		return false
	}
	for k := range a.p {
		if math.Abs(a.p[k]-b.p[k]) > 1e-6*math.Abs(b.p[k]) || math.Abs(a.q[k]-b.q[k]) > 1e-6*math.Abs(b.q[k]) {
			return false
		}
	}
	return true
}

// apply returns g(e) for g = erf or tanh where that is a part of GELU.
func (e expr) apply(op string) (expr, bool) {
	c := math.Sqrt(2 / math.Pi)
	switch {
	case op == "Erf" && e.near(expr{p: [4]float64{1: math.Sqrt2 / 2}}):
		return expr{g: exprErf, q: [4]float64{1}}, true
	case op == "Tanh" && e.near(expr{p: [4]float64{1: c, 3: 0.044715 * c}}):
		return expr{g: exprTanh, q: [4]float64{1}}, true
	}
	return e, false
}

// activation names the function if a layer can have it.
func (e expr) activation() (string, bool) {
	half, one := [4]float64{1: 0.5}, [4]float64{1: 1}
	for _, a := range []struct {
		e    expr
		name string
	}{
		{expr{g: exprErf, p: half, q: half}, model.ActGELU},
		{expr{g: exprTanh, p: half, q: half}, model.ActGELUTanh},
		{expr{g: exprSigmoid, q: one}, model.ActSiLU},
		{expr{g: exprSigmoid, q: [4]float64{1}}, model.ActSigmoid},
	} {
		if e.near(a.e) {
			return a.name, true
		}
	}
	return "", false
}

// zeroStaysZero: the function of 0 is 0, so that zeros padded before it are zeros after it.
func (e expr) zeroStaysZero() bool {
	g0 := 0.0
	if e.g == exprSigmoid {
		g0 = 0.5
	}
	return e.p[0]+e.q[0]*g0 == 0
}
