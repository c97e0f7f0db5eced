//go:build !purego

package native

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// tilesSet is the set amx, or the test is skipped.
func tilesSet(t *testing.T) *Set {
	s, err := Select("amx")
	if err != nil {
		if strings.Contains(","+os.Getenv("UNDERSTUDY_REQUIRE_KERNELS")+",", ",amx,") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return s
}

// product8 is a product of random matrices and what it must give.
type product8 struct {
	rows, in, out, ldx, ldy int
	y, want                 []int32
	x                       []uint8
	w                       []int8
	guards                  []func() bool
}

func newProduct8(rng *rand.Rand, rows, in, out int) product8 {
	p := product8{rows: rows, in: in, out: out, ldx: in + rng.IntN(70), ldy: out + rng.IntN(20)}
	var xOK, yOK, wOK func() bool
	p.w, wOK = integers[int8](rng, in*out, -127, 127)
	p.x, xOK = integers[uint8](rng, (rows-1)*p.ldx+in, 0, 255)
	p.y, yOK = integers[int32](rng, (rows-1)*p.ldy+out, math.MinInt32, math.MaxInt32)
	p.guards = []func() bool{yOK, xOK, wOK}
	p.want = slices.Clone(p.y)
	refGemmInt8(p.want, p.x, p.w, rows, in, out, p.ldx, p.ldy)
	return p
}

func (p product8) String() string { return fmt.Sprintf("%d rows, %d in, %d out", p.rows, p.in, p.out) }

// Every way in which rows, inputs and outputs can fill tiles.
func TestTiles(t *testing.T) {
	s := tilesSet(t)
	rng := rand.New(rand.NewPCG(31, 32))
	for _, rows := range []int{1, 3, 4, 5, 15, 16, 17, 19, 31, 32, 33, 35, 36, 48, 49, 64, 100} {
		for _, in := range []int{4, 60, 64, 68, 128, 188, 192} {
			for _, out := range []int{16, 32, 48, 64, 80, 112, 128, 144} {
				p := newProduct8(rng, rows, in, out)
				s.GemmInt8(p.y, p.x, p.w, p.rows, p.in, p.out, p.ldx, p.ldy)
				check(t, p.String(), p.y, p.want, p.guards...)
			}
		}
	}
}

// tilesDefinition is product16 in the order that tilesBF16 describes.
func tilesDefinition(p *product16) {
	flush := func(x float32) float32 {
		if math.Abs(float64(x)) < 0x1p-126 {
			return 0
		}
		return x
	}
	x := floats32(p.x)
	for r := range p.rows {
		for o := range p.out {
			y := &p.want[r*p.ldy+o]
			for first := 0; first < p.in; first += 32 {
				var sums [2]float32 // of even inputs, of odd ones
				for i := first; i < min(first+32, p.in); i++ {
					sums[i%2] = flush(fusedMulAdd(flush(x[r*p.ldx+i]), flush(p.w[i*p.out+o]), sums[i%2]))
				}
				*y = flush(flush(*y) + flush(sums[0]+sums[1]))
			}
		}
	}
}

// Every way in which rows, inputs and outputs can fill tiles: near what sets without tiles give,
// and exactly what the manual says, which a CPU may not do: then only tilesBF16's comment is wrong. In half of the products some numbers are tiny.
func TestTilesBF16(t *testing.T) {
	s := tilesSet(t)
	rng := rand.New(rand.NewPCG(37, 38))
	tiny := []uint16{1, 0x8001, 0x7f, 0x80, 0x100, 0x8080, 0x2000, 0x1fff} // 2^-133 to 2^-63
	trial := 0
	for _, rows := range []int{1, 16, 17, 32, 49, 100} {
		for _, in := range []int{1, 33, 96} {
			for _, out := range []int{1, 17, 48, 65, 130} {
				p := newProduct16(rng, rows, in, out)
				if trial++; trial%2 > 0 {
					for i := range p.x {
						if rng.IntN(2) > 0 {
							p.x[i] = tiny[rng.IntN(len(tiny))]
						}
					}
					for i := range p.w {
						if rng.IntN(2) > 0 {
							p.w[i] = fromBF16(tiny[rng.IntN(len(tiny))])
						}
					}
					for i := range p.y {
						p.y[i] *= []float32{0, 1, 1e-39}[rng.IntN(3)]
					}
				} else {
					q := p
					q.y, q.guards = slices.Clone(p.y), nil
					q.run(s)
					q.check(t, s)
				}
				p.want = slices.Clone(p.y)
				tilesDefinition(&p)
				p.run(s)
				compare(t, s, p.String(), p.y, p.want)
				p.checkGuards(t)
			}
		}
	}
}

// Signals and switches of threads save and restore tiles, those of the others as well.
func TestTilesWhenInterrupted(t *testing.T) {
	s := tilesSet(t)
	var products [3]product8
	var halves [len(products)]product16
	for thread := range products {
		rng := rand.New(rand.NewPCG(33, uint64(thread)))
		products[thread], halves[thread] = newProduct8(rng, 32, 1024, 32), newProduct16(rng, 32, 1024, 32)
		halves[thread].want = slices.Clone(halves[thread].y)
		tilesDefinition(&halves[thread])
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(len(products)))
	if err := pprof.StartCPUProfile(io.Discard); err != nil { // a signal every 10 ms
		t.Skip(err)
	}
	defer pprof.StopCPUProfile()
	start := time.Now()
	var all sync.WaitGroup
	for thread, p := range products {
		all.Go(func() {
			y, calls := slices.Clone(p.y), int32(0)
			q := &halves[thread]
			w := s.PackBF16(q.w, q.in, q.out)
			before := slices.Clone(q.y)
			for ; calls == 0 || time.Since(start) < 300*time.Millisecond; calls++ {
				s.GemmInt8(p.y, p.x, p.w, p.rows, p.in, p.out, p.ldx, p.ldy)
				copy(q.y, before)
				s.GemmBF16(q.y, q.x, &w, q.rows, q.ldx, q.ldy)
				if !slices.Equal(q.y, q.want) {
					t.Errorf("thread %d: product %d of bfloat16 differs", thread, calls)
					return
				}
			}
			for i, once := range p.want {
				if want := y[i] + calls*(once-y[i]); p.y[i] != want {
					t.Errorf("thread %d: sum %d is %d after %d products, want %d", thread, i, p.y[i], calls, want)
					return
				}
			}
			t.Logf("thread %d: %d products of each type", thread, calls)
		})
	}
	all.Wait()
}

func TestTilesAllocateNothing(t *testing.T) {
	s := tilesSet(t)
	rng := rand.New(rand.NewPCG(35, 36))
	p := newProduct8(rng, 100, 68, 48)
	if n := testing.AllocsPerRun(10, func() { s.GemmInt8(p.y, p.x, p.w, p.rows, p.in, p.out, p.ldx, p.ldy) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// A set that the system refuses is listed with the reason.
func TestRefusedBySystem(t *testing.T) {
	refused := Set{name: "refused", features: HostCPU().Features[:1], granted: func() error { return io.ErrNoProgress }}
	if k := refused.Info(); k.Available() || k.Missing[0] != io.ErrNoProgress.Error() {
		t.Errorf("listed as %+v", k)
	}
}

// The bytes of amx_amd64.s are what GNU's assembler makes of the comments above them.
func TestTileInstructions(t *testing.T) {
	if version, err := exec.Command("as", "--version").Output(); err != nil || !strings.Contains(string(version), "GNU") {
		t.Skip("no GNU assembler")
	}
	source, err := os.ReadFile("amx_amd64.s")
	if err != nil {
		t.Skip(err) // run away from the source
	}
	var text strings.Builder
	var want []byte
	for _, m := range regexp.MustCompile(`\t// (.*)\n((?:\tBYTE .*\n)+)`).FindAllStringSubmatch(string(source), -1) {
		fmt.Fprintln(&text, m[1])
		for b := range strings.FieldsSeq(strings.ReplaceAll(m[2], "BYTE $", "")) {
			v, err := strconv.ParseUint(b, 0, 8)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, byte(v))
		}
	}
	if n := strings.Count(string(source), "BYTE"); n != len(want) || n == 0 {
		t.Fatalf("%d bytes, %d below comments", n, len(want))
	}
	object, code := filepath.Join(t.TempDir(), "o"), filepath.Join(t.TempDir(), "code")
	as := exec.Command("as", "--64", "-o", object)
	as.Stdin = strings.NewReader(text.String())
	if out, err := as.CombinedOutput(); err != nil {
		t.Fatalf("as: %v\n%s", err, out)
	}
	if out, err := exec.Command("objcopy", "-O", "binary", "-j", ".text", object, code).CombinedOutput(); err != nil {
		t.Fatalf("objcopy: %v\n%s", err, out)
	}
	got, err := os.ReadFile(code)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the assembler makes % x\nwritten is         % x", got, want)
	}
}
