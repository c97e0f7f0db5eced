package dataset

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"understudy/plugin/population"
	"understudy/plugin/spikeio"
)

// Trial is one trial: its input and what the cell did.
type Trial struct {
	Input     *spikeio.Events
	SpikeMS   []float64 // voltage peaks (population.Labelled) [ms]
	UpcrossMS []float64 // upward crossings of -20 mV [ms]
	VSomaMV   []float32 // [T] soma voltage at t = 0, 1, ... ms [mV]
	// VDend10UV is [T][len(Manifest.Voltages)] in one slice: the voltage of these
	// segments at t = 0, 1, ... ms in units of 0.01 mV; nil where there are none.
	VDend10UV []int16
}

// Data is a data set on disk.
type Data struct {
	Dir      string
	Manifest Manifest
	Trials   []int // numbers of the trials that are there, in order
}

func trialPath(dir string, k int) string {
	return filepath.Join(dir, fmt.Sprintf("trial_%06d.npz", k))
}

// Open reads the manifest and lists the trials of a data set.
func Open(dir string) (*Data, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	d := &Data{Dir: dir, Manifest: m}
	for _, f := range files {
		s, isTrial := strings.CutPrefix(f.Name(), "trial_")
		s, isNPZ := strings.CutSuffix(s, ".npz")
		if k, err := strconv.Atoi(s); err == nil && isTrial && isNPZ && trialPath(dir, k) == filepath.Join(dir, f.Name()) {
			d.Trials = append(d.Trials, k)
		}
	}
	slices.Sort(d.Trials)
	return d, nil
}

// has says whether trial k is there: an archive with its table of contents, which
// comes last. Reading the arrays takes some 400 times as long (14 ms for 6 s with
// 32 voltages), and trials are written whole or not at all.
func (d *Data) has(k int) bool {
	z, err := spikeio.OpenNPZ(trialPath(d.Dir, k))
	if err != nil {
		return false
	}
	defer z.Close()
	return z.Has("T_ms")
}

// Trial reads trial k and checks it against the manifest.
func (d *Data) Trial(k int) (*Trial, error) {
	path := trialPath(d.Dir, k)
	z, err := spikeio.OpenNPZ(path)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return readTrial(path, z, &d.Manifest)
}

func readTrial(path string, z *spikeio.NPZ, m *Manifest) (*Trial, error) {
	var t Trial
	var err error
	if t.Input, err = z.Events(); err != nil {
		return nil, err
	}
	bad := func(format string, a ...any) error {
		return fmt.Errorf("%s: %w: %s", path, population.ErrFormat, fmt.Sprintf(format, a...))
	}
	if t.Input.TotalMS != m.MS() {
		return nil, bad("T_ms is %d, the manifest says %d", t.Input.TotalMS, m.MS())
	}
	if err := t.Input.Check(m.Channels); err != nil {
		return nil, bad("%v", err)
	}
	if !slices.IsSorted(t.Input.TimeMS) {
		return nil, bad("in_t_ms is not in order")
	}
	for _, a := range []struct {
		name string
		to   *[]float64
	}{{"spike_ms", &t.SpikeMS}, {"upcross_ms", &t.UpcrossMS}} {
		if *a.to, _, err = z.Float64(a.name); err != nil {
			return nil, err
		}
		for i, x := range *a.to {
			if !(x >= 0 && x <= float64(m.MS())) || i > 0 && x < (*a.to)[i-1] {
				return nil, bad("%s: entry %d is %g ms, out of order or of the trial", a.name, i, x)
			}
		}
	}
	v, _, err := z.Float64("v_soma_mv")
	if err != nil {
		return nil, err
	}
	if len(v) != m.MS() {
		return nil, bad("v_soma_mv has %d entries, expected %d", len(v), m.MS())
	}
	t.VSomaMV = make([]float32, len(v))
	for i, x := range v {
		if !(math.Abs(x) <= math.MaxFloat32) {
			return nil, bad("v_soma_mv: entry %d is %g", i, x)
		}
		t.VSomaMV[i] = float32(x)
	}
	if n := len(m.Voltages); n > 0 {
		v, shape, err := z.Int32("v_dend_10uv")
		if err != nil {
			return nil, err
		}
		if !slices.Equal(shape, []int{m.MS(), n}) {
			return nil, bad("v_dend_10uv has shape %v, expected [%d %d]", shape, m.MS(), n)
		}
		t.VDend10UV = make([]int16, len(v))
		for i, x := range v {
			if t.VDend10UV[i] = int16(x); int32(t.VDend10UV[i]) != x {
				return nil, bad("v_dend_10uv: entry %d is %d", i, x)
			}
		}
	}
	return &t, nil
}

// write writes the trial's file: in_channel and in_t_ms (int16 where they fit,
// else int32), in_weight (float32) where not all are 1, spike_ms and upcross_ms (float64), v_soma_mv (float32), T_ms,
// and v_dend_10uv (int16) where there is one.
func (t *Trial) write(path string) error {
	arrays := []spikeio.Array{
		{Name: "in_channel", Data: narrow(t.Input.Channel)},
		{Name: "in_t_ms", Data: narrow(t.Input.TimeMS)},
		{Name: "spike_ms", Data: t.SpikeMS},
		{Name: "upcross_ms", Data: t.UpcrossMS},
		{Name: "v_soma_mv", Data: t.VSomaMV},
		{Name: "T_ms", Data: int64(t.Input.TotalMS)},
	}
	if t.Input.Weight != nil {
		arrays = append(arrays, spikeio.Array{Name: "in_weight", Data: t.Input.Weight})
	}
	if t.VDend10UV != nil {
		shape := []int{t.Input.TotalMS, len(t.VDend10UV) / t.Input.TotalMS}
		arrays = append(arrays, spikeio.Array{Name: "v_dend_10uv", Data: t.VDend10UV, Shape: shape})
	}
	return spikeio.WriteNPZCompressed(path, arrays...)
}

// narrow returns whole numbers as []int16 where all fit, else as []int32.
func narrow[T int32 | float64](x []T) any {
	short, long := make([]int16, len(x)), make([]int32, len(x))
	fits := true
	for i, v := range x {
		short[i], long[i] = int16(v), int32(v)
		fits = fits && v >= math.MinInt16 && v <= math.MaxInt16
	}
	if fits {
		return short
	}
	return long
}
