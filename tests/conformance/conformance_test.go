package conformance_test

import (
	"context"
	"testing"

	"understudy/host"
	"understudy/native"
	"understudy/plugin/cell"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
	"understudy/tests/conformance"
)

// Every kernel set that claims the reference's bits must give them; another one
// need only agree with itself.
func TestGoPackage(t *testing.T) {
	for _, k := range native.Kernels() {
		t.Run(k.Name, func(t *testing.T) {
			if !k.Available() {
				t.Skipf("CPU lacks %v", k.Missing)
			}
			want := conformance.GoPackage{Kernel: k.Name}
			if k.SameBits {
				want.Kernel = "reference"
			}
			// Cells do not use these kernels: the heavy ones run once.
			conformance.Check(t, conformance.GoPackage{Kernel: k.Name}, want, k.Name != "reference")
		})
	}
}

func TestGoPackageAllocatesNothing(t *testing.T) {
	cases, err := conformance.Cases()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			p, err := conformance.GoPackage{}.Surrogate(c.Model, c.N, c.Options)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			values := c.Steps * c.N
			out := population.Output{PSpike: make([]float32, values), VSoma: make([]float32, values), Spike: make([]bool, values)}
			if a := testing.AllocsPerRun(5, func() {
				p.Reset()
				if err := p.Step(c.Steps, c.Events, out); err != nil {
					t.Fatal(err)
				}
			}); a != 0 {
				t.Errorf("%v allocations in a step", a)
			}
		})
	}
}

// wasmDoor is the guest in wazero.
type wasmDoor struct{ *host.Runtime }

func (d wasmDoor) Surrogate(modelFile []byte, n int, opt surrogate.Options) (population.Population, error) {
	return orNil(d.NewSurrogate(modelFile, n, opt))
}

func (d wasmDoor) Cell(name string, n int) (population.Population, error) {
	return orNil(d.NewCell(name, n, cell.Options{}))
}

func orNil(p *host.Population, err error) (population.Population, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

func TestWasm(t *testing.T) {
	for _, engine := range []struct {
		name        string
		interpreter bool
	}{{"compiler", false}, {"interpreter", true}} {
		t.Run(engine.name, func(t *testing.T) {
			r, err := host.New(context.Background(), host.Options{Interpreter: engine.interpreter})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			conformance.Check(t, wasmDoor{r}, conformance.GoPackage{Kernel: "reference"}, false)
		})
	}
}
