package native

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// halves returns n random bfloat16, a fifth of them zero, between guards, which are NaN, and a
// function that tells whether the guards still stand.
func halves(rng *rand.Rand, n int) ([]uint16, func() bool) {
	const guard = 0x7fff
	all := make([]uint16, n+2*margin)
	for i := range all {
		all[i] = guard
	}
	v := all[margin : margin+n : margin+n]
	for i := range v {
		if v[i] = toBF16(2*rng.Float32() - 1); rng.IntN(5) == 0 {
			v[i] = 0
		}
	}
	return v, func() bool {
		for i, x := range all {
			if (i < margin || i >= margin+n) && x != guard {
				return false
			}
		}
		return true
	}
}

// floats32 returns bfloat16 as float32.
func floats32(x []uint16) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = fromBF16(v)
	}
	return y
}

// product16 is a product of random matrices, with what sets without products of bfloat16 must
// give, and how far a set with them may be from it.
type product16 struct {
	rows, in, out, ldx, ldy int
	y, want                 []float32
	bound                   []float64
	x                       []uint16
	w                       []float32 // [in][out], rounded
	guards                  []func() bool
}

func newProduct16(rng *rand.Rand, rows, in, out int) product16 {
	p := product16{rows: rows, in: in, out: out, ldx: roundUp(in, 2) + rng.IntN(70), ldy: out + rng.IntN(20)}
	w, _ := halves(rng, in*out)
	p.w = floats32(w)
	var xOK, yOK func() bool
	p.x, xOK = halves(rng, max(0, (rows-1)*p.ldx+roundUp(in, 2)))
	p.y, yOK = operand(rng, max(0, (rows-1)*p.ldy+out))
	p.guards = []func() bool{yOK, xOK}
	p.want, p.bound = slices.Clone(p.y), make([]float64, len(p.y))
	x := floats32(p.x)
	for r := range rows {
		for o := range out {
			sum := &p.want[r*p.ldy+o]
			size := math.Abs(float64(*sum))
			for i := range in {
				*sum = float32(x[r*p.ldx+i]*p.w[i*out+o]) + *sum
				size += math.Abs(float64(x[r*p.ldx+i]) * float64(p.w[i*out+o]))
			}
			p.bound[r*p.ldy+o] = 2 * float64(in+1) * size / (1 << 24)
		}
	}
	return p
}

func (p *product16) String() string {
	return fmt.Sprintf("%d rows, %d in, %d out", p.rows, p.in, p.out)
}

func (p *product16) run(s *Set) {
	w := s.PackBF16(p.w, p.in, p.out)
	s.GemmBF16(p.y, p.x, &w, p.rows, p.ldx, p.ldy)
}

// check also sees the gaps between rows.
func (p *product16) check(t *testing.T, s *Set) {
	t.Helper()
	for i, want := range p.want {
		bound := p.bound[i]
		if s.gemmBF16 == nil {
			bound = 0
		}
		if d := math.Abs(float64(p.y[i]) - float64(want)); !(d <= bound) {
			t.Fatalf("%v: value %d is %v, want %v, at most %g away", p, i, p.y[i], want, bound)
		}
	}
	p.checkGuards(t)
}

func (p *product16) checkGuards(t *testing.T) {
	t.Helper()
	for i, ok := range p.guards {
		if !ok() {
			t.Fatalf("%v: wrote outside operand %d", p, i)
		}
	}
}

// Every length, with all kinds of numbers, of which the nearest is found by distance.
func TestRoundBF16(t *testing.T) {
	nearest := func(x float32) float32 {
		below := math.Float32frombits(math.Float32bits(x) &^ 0xffff)
		above := math.Float32frombits(math.Float32bits(below) + 0x10000) // farther from 0
		end := float64(above)
		if math.IsInf(end, 0) {
			end = math.Copysign(1<<127*2, end) // what would be next
		}
		down, up := math.Abs(float64(x)-float64(below)), math.Abs(end-float64(x))
		if down < up || down == up && math.Float32bits(below)>>16&1 == 0 {
			return below
		}
		return above
	}
	special := []uint32{0, 1, 0x7fff, 0x8000, 0x8001, 0x18000, 0x80000000, 0x80008001, 0x3f808000, 0x3f818000, 0x3f807fff, 0x3f808001, 0xbf818000,
		0x7f7fffff, 0x7f7f7fff, 0x7f7f8000, 0xff7fffff, 0x7f800000, 0xff800000, 0x7f800001, 0xff80ffff, 0x7fc00000, 0x7fffffff, 0xffffffff}
	forEach(t, func(t *testing.T, s *Set) {
		rng := rand.New(rand.NewPCG(41, 42))
		for range 20 {
			for n := range maxLength + 1 {
				x, xOK := operand(rng, n)
				y, yOK := halves(rng, n)
				for i := range x {
					if x[i] = math.Float32frombits(rng.Uint32()); rng.IntN(3) == 0 {
						x[i] = math.Float32frombits(special[rng.IntN(len(special))])
					}
				}
				s.RoundBF16(y, x)
				for i, v := range x {
					got := fromBF16(y[i])
					if v != v && got != got {
						continue
					}
					if want := nearest(v); v-v != 0 && got != v || v-v == 0 && math.Float32bits(got) != math.Float32bits(want) {
						t.Fatalf("%v (%#x) becomes %v (%#x)", v, math.Float32bits(v), got, y[i])
					}
				}
				if !xOK() || !yOK() {
					t.Fatalf("%d values: wrote outside its operands", n)
				}
			}
		}
	})
}

func TestPackBF16(t *testing.T) {
	w := []float32{
		1, 2, 3,
		4, 5, 6,
		7, 8, 1 + 1.0/512,
	}
	hardware := Set{gemmBF16: func(y []float32, x, w []uint16, rows, in, out, ldx, ldy int) {}}
	if p, want := hardware.PackBF16(w, 3, 3), []float32{1, 4, 2, 5, 3, 6, 7, 0, 8, 0, 1, 0}; !slices.Equal(floats32(p.pairs), want) || p.wide != nil || p.in != 4 {
		t.Errorf("packed %v, want %v", floats32(p.pairs), want)
	}
	if p, want := new(Set).PackBF16(w, 3, 3), []float32{1, 2, 3, 4, 5, 6, 7, 8, 1, 0, 0, 0}; !slices.Equal(p.wide, want) || p.pairs != nil || p.in != 4 {
		t.Errorf("packed %v, want %v", p.wide, want)
	}
}

func TestGemmBF16(t *testing.T) {
	forEach(t, func(t *testing.T, s *Set) {
		rng := rand.New(rand.NewPCG(43, 44))
		inputs, rows := []int{1, 2, 5, 31, 32, 34, 62, 64, 65, 128, 130, 300}, []int{0, 1, 2, 3, 7, 16, 17, 33, 97}
		if testing.Short() {
			inputs, rows = []int{1, 34, 65}, []int{1, 3, 17, 33}
		}
		for _, in := range inputs {
			for _, out := range []int{1, 2, 3, 15, 16, 17, 31, 33, 64, 65, 80, 128, 150} {
				for _, rows := range rows {
					p := newProduct16(rng, rows, in, out)
					before := slices.Clone(p.y)
					p.run(s)
					p.check(t, s)
					// Every row alone has the same bits.
					w := s.PackBF16(p.w, in, out)
					for r := range rows {
						one := slices.Clone(before[r*p.ldy:][:out])
						s.GemmBF16(one, p.x[r*p.ldx:], &w, 1, p.ldx, out)
						compare(t, s, "row alone", one, p.y[r*p.ldy:][:out])
					}
				}
			}
		}
	})
}

func TestBF16AllocatesNothing(t *testing.T) {
	forEach(t, func(t *testing.T, s *Set) {
		p := newProduct16(rand.New(rand.NewPCG(45, 46)), 100, 65, 40)
		w, y, x := s.PackBF16(p.w, p.in, p.out), make([]uint16, 100), make([]float32, 100)
		if n := testing.AllocsPerRun(100, func() {
			s.RoundBF16(y, x)
			s.GemmBF16(p.y, p.x, &w, p.rows, p.ldx, p.ldy)
		}); n > 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
