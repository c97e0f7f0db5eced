package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"understudy/plugin/cell"
	"understudy/plugin/population"
	"understudy/plugin/spikeio"
)

// Schema is the version of the manifest and of the trial files.
const Schema = 1

// manifestName is the manifest's file in a data set's directory.
const manifestName = "manifest.json"

// Manifest says what the trials of a data set are: everything that they depend
// on but their number.
type Manifest struct {
	Schema     int     `json:"schema"`
	Cell       string  `json:"cell"`
	Morphology string  `json:"morphology,omitempty"` // name and SHA-256 of the file; empty: built-in
	Channels   int     `json:"channels"`
	Seconds    float64 `json:"seconds"` // length of a trial [s], whole ms
	Seed       uint64  `json:"seed"`
	Trials     int     `json:"trials"` // of all shards; the directory may hold fewer so far
	Synapses   string  `json:"synapses"`
	Dendrites  string  `json:"dendrites,omitempty"` // passive; empty: active
	DtMS       float64 `json:"dt_ms"`
	Scheme     string  `json:"scheme"` // integration
	Command    string  `json:"command"`
	Inputs     Inputs  `json:"inputs"`
	// Voltages are the segments (as in Segment) whose voltage the trials have besides the soma's.
	Voltages []int `json:"voltages,omitempty"`

	// By channel, see cell.Channel.
	ChannelKind []string  `json:"channel_kind"` // exc or inh
	Segment     []int     `json:"segment"`
	Section     []string  `json:"section"`
	X           []float64 `json:"x"`
	Region      []string  `json:"region"`
	LengthUM    []float64 `json:"length_um"`
	DistanceUM  []float64 `json:"distance_um"`
}

// setChannels describes the channels.
func (m *Manifest) setChannels(channels []cell.Channel) {
	m.Channels = len(channels)
	for _, c := range channels {
		m.ChannelKind = append(m.ChannelKind, string(c.Kind))
		m.Segment = append(m.Segment, c.Segment)
		m.Section = append(m.Section, c.Section)
		m.X = append(m.X, c.X)
		m.Region = append(m.Region, c.Region.String())
		m.LengthUM = append(m.LengthUM, c.LengthUM)
		m.DistanceUM = append(m.DistanceUM, c.DistanceUM)
	}
}

// MS is the length of a trial [ms].
func (m *Manifest) MS() int { return int(math.Round(m.Seconds * 1000)) }

// check returns an error that names the first field that makes no sense.
func (m *Manifest) check() error {
	bad := func(format string, a ...any) error {
		return fmt.Errorf("%w: %s", population.ErrFormat, fmt.Sprintf(format, a...))
	}
	switch {
	case m.Schema != Schema:
		return bad("schema %d, expected %d", m.Schema, Schema)
	case m.Channels < 1 || m.Channels > math.MaxInt32:
		return bad("%d channels", m.Channels)
	case !(m.Seconds >= 0.001 && m.Seconds*1000 <= spikeio.MaxMS):
		return bad("seconds %g", m.Seconds)
	case m.Trials < 0:
		return bad("%d trials", m.Trials)
	}
	for name, n := range map[string]int{
		"channel_kind": len(m.ChannelKind), "segment": len(m.Segment), "section": len(m.Section), "x": len(m.X),
		"region": len(m.Region), "length_um": len(m.LengthUM), "distance_um": len(m.DistanceUM),
	} {
		if n != m.Channels {
			return bad("%s has %d entries for %d channels", name, n, m.Channels)
		}
	}
	for i, s := range m.Voltages {
		if !slices.Contains(m.Segment, s) || i > 0 && s <= m.Voltages[i-1] {
			return bad("voltages: entry %d is %d, expected segments in order", i, s)
		}
	}
	for i, k := range m.ChannelKind {
		if k != string(cell.Excitatory) && k != string(cell.Inhibitory) {
			return bad("channel_kind %d is %.20q", i, k)
		}
	}
	return nil
}

// maxManifest is the largest manifest that is read [bytes]; a channel takes about 100.
const maxManifest = 64 << 20

func readManifest(dir string) (Manifest, error) {
	path := filepath.Join(dir, manifestName)
	f, err := os.Open(path)
	if err != nil {
		return Manifest{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err == nil && len(b) > maxManifest {
		err = fmt.Errorf("%w: over %d bytes", population.ErrLimit, maxManifest)
	}
	var m Manifest
	if err == nil {
		m, err = parseManifest(b)
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

func parseManifest(b []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("%w: %v", population.ErrFormat, err)
	}
	return m, m.check()
}

// settle writes the manifest, or compares it with the one that is there: a
// directory holds one data set. Shards may do so at once, all write the same.
func (m Manifest) settle(dir string) error {
	old, err := readManifest(dir)
	if err == nil {
		want := m
		want.Command = old.Command // tells who came first, not what the data are
		want.Trials = old.Trials   // a data set may grow
		if field := difference(old, want); field != "" {
			return fmt.Errorf("%s: %w: %s; choose another directory, or the same options",
				filepath.Join(dir, manifestName), population.ErrState, field)
		}
		if m.Trials <= old.Trials {
			return nil
		}
		m.Command = old.Command
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return spikeio.WriteFile(filepath.Join(dir, manifestName), func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}

// difference names the first field in which two manifests differ, and how.
func difference(old, now Manifest) string {
	a, b := reflect.ValueOf(old), reflect.ValueOf(now)
	for i := range a.NumField() {
		x, y := a.Field(i).Interface(), b.Field(i).Interface()
		if reflect.DeepEqual(x, y) {
			continue
		}
		name, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("json"), ",")
		if a.Field(i).Kind() == reflect.Slice || a.Field(i).Kind() == reflect.Struct {
			return name + " differs from that of the data set in this directory"
		}
		return fmt.Sprintf("%s is %v, the data set in this directory has %v", name, y, x)
	}
	return ""
}
