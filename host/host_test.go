package host_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"understudy/host"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// guest builds the guest from the sources as they are, once.
var guest = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "understudy-guest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "guest.wasm")
	if out, err := exec.Command("../wasm/build.sh", path).CombinedOutput(); err != nil {
		return nil, errors.New(err.Error() + "\n" + string(out))
	}
	return os.ReadFile(path)
})

func runtime(t *testing.T, opt host.Options) *host.Runtime {
	b, err := guest()
	if err != nil {
		t.Fatalf("building the guest: %v", err)
	}
	opt.Guest = b
	r, err := host.New(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestNewRefusesWhatIsNoGuest(t *testing.T) {
	for name, c := range map[string]struct {
		opt  host.Options
		want error
		text string
	}{
		"nothing":   {host.Options{}, population.ErrInput, "make guest"},
		"text":      {host.Options{Guest: []byte("this is not WebAssembly")}, population.ErrFormat, "guest"},
		"no verbs":  {host.Options{Guest: []byte("\x00asm\x01\x00\x00\x00")}, population.ErrFormat, "us_abi_version"},
		"cut":       {host.Options{Guest: []byte("\x00asm\x01\x00\x00\x00\x01\x7f")}, population.ErrFormat, "guest"},
		"too large": {host.Options{Guest: []byte("x"), MemoryLimitPages: 70000}, population.ErrLimit, "65536"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := host.New(context.Background(), c.opt)
			if err == nil {
				r.Close()
				t.Fatal("accepted")
			}
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %q, want %v and %q", err, c.want, c.text)
			}
		})
	}
}

// Out of memory inside the sandbox is an error of that population; others and
// the host live.
func TestMemoryLimit(t *testing.T) {
	r := runtime(t, host.Options{MemoryLimitPages: 512})
	good, err := r.NewCell("lif", 1)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := r.NewCell("lif", 10_000_000); err == nil {
		p.Close()
		t.Fatal("10,000,000 neurons fit into 32 MiB")
	}
	if err := good.Step(1, nil, population.Output{Spike: make([]bool, 1)}); err != nil {
		t.Errorf("another population: %v", err)
	}

	// A step whose outputs do not fit kills the guest, and stays an error.
	err = good.Step(10_000_000, nil, population.Output{VSoma: make([]float32, 10_000_000)})
	if err == nil {
		t.Fatal("40 MB of outputs fit into 32 MiB")
	}
	if again := good.Step(1, nil, population.Output{}); again == nil {
		t.Error("a guest that ran out of memory goes on")
	}
	if _, err := r.NewCell("lif", 1); err != nil {
		t.Errorf("a new population after that: %v", err)
	}
}

func TestTooSmallToStart(t *testing.T) {
	b, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	r, err := host.New(context.Background(), host.Options{Guest: b, MemoryLimitPages: 1})
	if err != nil {
		return // refused at once
	}
	defer r.Close()
	if p, err := r.NewCell("lif", 1); err == nil {
		p.Close()
		t.Error("the guest starts in 64 KiB")
	}
}

// What a guest cannot honour is refused, not ignored.
func TestSurrogateOptions(t *testing.T) {
	r := runtime(t, host.Options{})
	for name, opt := range map[string]surrogate.Options{
		"kernel": {Kernel: "reference"}, "threads": {Threads: 1}, "precision": {Precision: "int4"},
	} {
		if p, err := r.NewSurrogate(nil, 1, opt); !errors.Is(err, population.ErrInput) {
			t.Errorf("%s: %v, want ErrInput", name, err)
		} else if err == nil {
			p.Close()
		}
	}
	p, err := r.NewCell("lif", 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.OutOfRange(); got != (surrogate.RangeReport{}) {
		t.Errorf("a detailed cell reports %+v", got)
	}
	if err := p.StepHeads(1, nil, population.Output{}, map[string][]float32{"dendrites": make([]float32, 1)}); !errors.Is(err, population.ErrInput) {
		t.Errorf("a head of a detailed cell: %v", err)
	}
	if err := p.Step(1, nil, population.Output{}); err != nil {
		t.Errorf("after a head that is not there: %v", err)
	}
}

// Populations have instances of their own and run in parallel.
func TestParallel(t *testing.T) {
	r := runtime(t, host.Options{})
	kick := []population.Event{{TimeMS: 1, Weight: 100}}
	want := make([]float32, 50)
	for i := range 4 {
		p, err := r.NewCell("lif", 1)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := p.Step(50, kick, population.Output{VSoma: want}); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Run("", func(t *testing.T) {
			t.Parallel()
			got := make([]float32, 50)
			for range 20 {
				p.Reset()
				if err := p.Step(50, kick, population.Output{VSoma: got}); err != nil {
					t.Fatal(err)
				}
				for k := range got {
					if got[k] != want[k] {
						t.Fatalf("%v mV at %d ms, want %v", got[k], k, want[k])
					}
				}
			}
		})
	}
}
