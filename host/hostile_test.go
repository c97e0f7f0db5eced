package host_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"understudy/host"
	"understudy/host/sandbox"
	"understudy/plugin/cell"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// open makes a population of two neurons in a fake guest, with a time limit.
func open(f fake, limit time.Duration, use func(*host.Population) error) error {
	r, err := host.New(context.Background(), host.Options{Guest: f.module(), TimeLimit: limit, MemoryLimitPages: 64})
	if err != nil {
		return err
	}
	defer r.Close()
	if r.Trusted() {
		return errors.New("a fake is trusted")
	}
	p, err := r.NewSurrogate([]byte("model"), 2, surrogate.Options{})
	if err != nil {
		return err
	}
	defer p.Close()
	return use(p)
}

// What hosts do with a population.
var (
	step = func(p *host.Population) error {
		out := population.Output{PSpike: make([]float32, 6), VSoma: make([]float32, 6), Spike: make([]bool, 6)}
		return p.Step(3, []population.Event{{TimeMS: float64(p.Now()), Weight: 1}}, out)
	}
	reset = func(p *host.Population) error { p.Reset(); return step(p) }
	save  = func(p *host.Population) error { return p.Save(new(bytes.Buffer)) }
	load  = func(p *host.Population) error { return p.Load(strings.NewReader("SAVE")) }
	asks  = func(p *host.Population) error { p.OutOfRange(); return step(p) }
	heads = func(p *host.Population) error {
		return p.StepHeads(1, nil, population.Output{}, map[string][]float32{"spike": make([]float32, 2)})
	}
	numbers = func(p *host.Population) error { return p.SetNumbers([]int64{1, 2}) }
)

// Guests that lie: an error says what was wrong, and the host goes on.
func TestHostileGuest(t *testing.T) {
	good, err := runtime(t, host.Options{}).NewCell("lif", 1, cell.Options{})
	if err != nil {
		t.Fatal(err)
	}
	uses := map[string]func(*host.Population) error{"step": step, "reset": reset, "save": save, "load": load, "range": asks, "heads": heads, "numbers": numbers}
	for name, use := range uses {
		if err := open(honest(), time.Minute, use); err != nil {
			t.Fatalf("an honest fake: %s: %v", name, err)
		}
	}
	for name, c := range map[string]struct {
		guest fake
		use   func(*host.Population) error
		want  error
		text  string
	}{
		"another version":          {fake{"abi_version": {result: 99}}, step, population.ErrFormat, "ABI version 99"},
		"no buffers":               {fake{"alloc": {result: 0}}, step, population.ErrLimit, "no buffer of 512 bytes"},
		"buffers outside":          {fake{"alloc": {result: 0xfffffff0}}, step, population.ErrState, "512 bytes at 0xfffffff0 are outside its memory"},
		"buffers at the end":       {fake{"alloc": {result: 2<<16 - 511}}, step, population.ErrState, "outside its memory"},
		"no status":                {fake{"population_step": {result: 77}}, step, population.ErrState, "us_population_step: status 77"},
		"negative status":          {fake{"population_step": {result: 0xffffffff}}, step, population.ErrState, "status -1"},
		"an error":                 {fake{"population_step": {result: 1}}, step, population.ErrInput, "oh\ufffd"},
		"an error without words":   {fake{"population_step": {result: 1}, "last_message": {}}, step, population.ErrInput, "us_population_step: status 1 without a message"},
		"an endless message":       {fake{"population_step": {result: 1}, "last_message": {result: 0xffffffff}}, step, population.ErrInput, ""},
		"a message that traps":     {fake{"population_step": {result: 1}, "last_message": {deed: traps}}, step, population.ErrState, "us_last_message: wasm error: unreachable"},
		"traps":                    {fake{"population_step": {deed: traps}}, step, population.ErrState, "us_population_step: wasm error: unreachable"},
		"loops":                    {fake{"population_step": {deed: loops}}, step, context.DeadlineExceeded, "us_population_step: stopped after 300ms"},
		"loops at once":            {fake{"abi_version": {deed: loops}}, step, context.DeadlineExceeded, "us_abi_version: stopped after 300ms"},
		"loops in alloc":           {fake{"alloc": {deed: loops}}, step, context.DeadlineExceeded, "us_alloc: stopped"},
		"loops in free":            {fake{"free": {deed: loops}}, step, population.ErrState, "us_free: stopped"},
		"loops in reset":           {fake{"population_reset": {deed: loops}}, reset, population.ErrState, "us_population_reset: stopped"},
		"recurs":                   {fake{"population_step": {deed: recurs}}, step, population.ErrState, "us_population_step: "},
		"exits":                    {fake{"population_step": {deed: exits}}, step, population.ErrState, "it ended itself with exit code 3"},
		"grows":                    {fake{"population_step": {deed: grows}}, step, nil, ""},
		"grows and lies":           {fake{"population_step": {deed: grows, result: 9999}}, step, population.ErrState, "status 9999"},
		"other neurons":            {fake{"population_info": {out: info(2, 1<<30, 10, 0, 1)}}, step, population.ErrState, "1073741824 neurons (wanted: 2)"},
		"negative neurons":         {fake{"population_info": {out: info(2, 1<<31, 10, 0, 1)}}, step, population.ErrState, "-2147483648 neurons"},
		"negative channels":        {fake{"population_info": {out: info(2, 2, 1<<31, 0, 1)}}, step, population.ErrState, "-2147483648 channels"},
		"of no kind":               {fake{"population_info": {out: info(5, 2, 10, 0, 1)}}, step, population.ErrState, "kind 5"},
		"at the end of time":       {fake{"population_info": {out: info(2, 2, 10, 1<<63-1, 1)}}, step, population.ErrState, "its time is 9223372036854775807 ms"},
		"before time":              {fake{"population_info": {out: info(2, 2, 10, 1<<63, 1)}}, step, population.ErrState, "its time is -9223372036854775808 ms"},
		"negative state":           {fake{"population_info": {out: info(2, 2, 10, 0, 1<<63)}}, step, population.ErrState, "bytes of state"},
		"uncountable work":         {fake{"population_info": {out: append(info(2, 2, 10, 0, 1)[:32], bytes.Repeat([]byte{0xff}, 16)...)}}, step, population.ErrState, "NaN multiplications"},
		"a description of 16 EB":   {fake{"model_info_json": {out: le(1<<64-1, 8)}}, step, population.ErrState, "answer of 18446744073709551615 bytes"},
		"a description of 1 GB":    {fake{"model_info_json": {out: le(1<<30, 8)}}, step, population.ErrState, "answer of 1073741824 bytes"},
		"a description of rubbish": {fake{"model_info_json": {out: le(5, 8), text: []byte("[[[[[")}}, step, population.ErrState, "description of the model"},
		"a head of 2 G channels": {fake{"model_info_json": {out: le(45, 8), text: []byte(`{"heads":[{"name":"spike","count":2000000000}]`)}}, heads,
			population.ErrState, "description of the model"},
		"a head of none":      {fake{"model_info_json": {out: le(42, 8), text: []byte(`{"heads":[{"name":"spike","count":0}]}    `)}}, heads, population.ErrState, "head \"spike\" of 0 channels"},
		"a state of 16 EB":    {fake{"population_save": {out: le(1<<64-1, 8)}}, save, population.ErrState, "answer of 18446744073709551615 bytes"},
		"a state of 1 GB":     {fake{"population_save": {out: le(1<<30, 8)}}, save, population.ErrState, "outside its memory"},
		"loops in save":       {fake{"population_save": {deed: loops}}, save, context.DeadlineExceeded, "us_population_save: stopped"},
		"load that traps":     {fake{"population_load": {deed: traps}}, load, population.ErrState, "us_population_load"},
		"range that traps":    {fake{"population_input_range": {deed: traps}}, asks, population.ErrState, "us_population_input_range"},
		"numbers that trap":   {fake{"population_set_numbers": {deed: traps}}, numbers, population.ErrState, "us_population_set_numbers"},
		"numbers that refuse": {fake{"population_set_numbers": {result: 4}}, numbers, population.ErrState, ""},
	} {
		t.Run(name, func(t *testing.T) {
			limit := time.Minute
			if strings.Contains(c.text, "stopped") {
				limit = 300 * time.Millisecond
			}
			err := open(honest().but(c.guest), limit, c.use)
			switch {
			case c.want == nil && err != nil:
				t.Error(err)
			case c.want != nil && (!errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text)):
				t.Errorf("%v, want %v and %q", err, c.want, c.text)
			case err != nil && (strings.ContainsAny(err.Error(), "\n\x1b")):
				t.Errorf("%q has more than a line", err)
			}
			if err := good.Step(1, nil, population.Output{}); err != nil {
				t.Errorf("another population: %v", err)
			}
		})
	}
}

// A guest after whose first call of a Step nothing works: no half of a step is taken for a whole one.
func TestHalfAStep(t *testing.T) {
	f := honest().but(fake{"population_info": {out: info(2, 2, 10, 0, 1)}, "free": {}})
	err := open(f, time.Minute, func(p *host.Population) error {
		if err := p.Step(2000, nil, population.Output{}); err != nil {
			return err
		}
		if p.Now() != 2000 {
			t.Errorf("Now is %d", p.Now())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A Step of a trusted guest ends between two calls when the context does.
func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	b := honest().module()
	r, err := host.New(ctx, host.Options{Guest: b, Trusted: sum(b), NoCache: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, err := r.NewCell("lif", 2, cell.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := p.Step(100, nil, population.Output{}); err != nil {
		t.Errorf("a single call: %v", err)
	}
	if err := p.Step(10000, nil, population.Output{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want Canceled", err)
	}
	if err := p.Step(1, nil, population.Output{}); !errors.Is(err, context.Canceled) || !errors.Is(err, population.ErrState) {
		t.Errorf("after that: %v", err)
	}
}

// A folder for compiled code that cannot be used matters only to who has named it.
func TestUnusableCache(t *testing.T) {
	b, file := honest().module(), filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CACHE_HOME", file)
	t.Setenv("HOME", file)
	runtime(t, host.Options{Guest: b, Trusted: sum(b)})
	_, err := host.New(context.Background(), host.Options{Guest: b, Trusted: sum(b), Cache: file})
	var unusable *sandbox.CacheError
	if !errors.As(err, &unusable) || !strings.Contains(err.Error(), file) {
		t.Errorf("%v, want an error that names %s", err, file)
	}
	runtime(t, host.Options{Guest: b, Trusted: sum(b), Cache: file, NoCache: true})
}

// Foreign bytes are trusted only by their hash.
func TestTrust(t *testing.T) {
	b := honest().module()
	for name, c := range map[string]struct {
		opt  host.Options
		want bool
	}{
		"embedded":          {host.Options{}, true},
		"foreign":           {host.Options{Guest: b}, false},
		"another's hash":    {host.Options{Guest: b, Trusted: strings.Repeat("0", 64)}, false},
		"its hash":          {host.Options{Guest: b, Trusted: sum(b)}, true},
		"embedded, doubted": {host.Options{Trusted: sum(b)}, true},
	} {
		c.opt.NoCache = name != "embedded" && name != "embedded, doubted"
		r := runtime(t, c.opt)
		if r.Trusted() != c.want {
			t.Errorf("%s: trusted %v, want %v", name, r.Trusted(), c.want)
		}
	}
	if _, err := host.New(context.Background(), host.Options{Guest: b, Trusted: "abc"}); !errors.Is(err, population.ErrInput) {
		t.Errorf("no hash: %v", err)
	}
}
