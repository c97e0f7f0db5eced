package conformance_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"testing"

	"understudy/plugin/abi"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// processDoor is a program that answers requests on its standard input by
// calls of the library; cprogram/server.c describes the requests.
type processDoor struct {
	in  io.WriteCloser
	out *bufio.Reader
}

func startProcess(t testing.TB, command *exec.Cmd) *processDoor {
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("%s: %v", command.Path, err)
		}
	})
	return &processDoor{in, bufio.NewReader(out)}
}

// request sends a verb and returns the result, also beside an error.
func (d *processDoor) request(verb byte, handle uint64, arguments []byte) (result []byte, now int64, err error) {
	b := binary.LittleEndian.AppendUint32(nil, uint32(9+len(arguments)))
	b = append(b, verb)
	b = binary.LittleEndian.AppendUint64(b, handle)
	if _, err := d.in.Write(append(b, arguments...)); err != nil {
		return nil, 0, err
	}
	var head struct {
		Status int32
		Now    int64
	}
	if err := binary.Read(d.out, binary.LittleEndian, &head); err != nil {
		return nil, 0, fmt.Errorf("the program has ended: %w", err)
	}
	message, err := d.text()
	if err != nil {
		return nil, 0, err
	}
	if result, err = d.text(); err != nil {
		return nil, 0, err
	}
	if head.Status != 0 {
		if len(message) == 0 {
			return nil, 0, fmt.Errorf("status %d without a message", head.Status)
		}
		return result, head.Now, &abi.Error{Status: abi.Status(head.Status), Message: string(message)}
	}
	return result, head.Now, nil
}

func (d *processDoor) text() ([]byte, error) {
	var n uint32
	if err := binary.Read(d.out, binary.LittleEndian, &n); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	_, err := io.ReadFull(d.out, b)
	return b, err
}

func (d *processDoor) Surrogate(modelFile []byte, n int, opt surrogate.Options) (population.Population, error) {
	precision, spikes, err := abi.Numbers(opt)
	if err != nil {
		return nil, err
	}
	b := binary.LittleEndian.AppendUint32(nil, precision)
	b = binary.LittleEndian.AppendUint32(b, spikes)
	b = binary.LittleEndian.AppendUint64(b, opt.Seed)
	return d.create('M', n, append(b, modelFile...))
}

func (d *processDoor) Cell(name string, n int) (population.Population, error) {
	return d.create('C', n, []byte(name))
}

func (d *processDoor) create(verb byte, n int, what []byte) (population.Population, error) {
	b, _, err := d.request(verb, 0, append(binary.LittleEndian.AppendUint32(nil, uint32(n)), what...))
	if err != nil {
		return nil, err
	}
	kind := map[uint32]string{1: "detailed", 2: "surrogate"}[binary.LittleEndian.Uint32(b[12:])]
	return &processPopulation{door: d, handle: binary.LittleEndian.Uint64(b), info: population.Info{
		Kind: kind, N: int(binary.LittleEndian.Uint32(b[16:])), Channels: int(binary.LittleEndian.Uint32(b[20:])),
	}}, nil
}

type processPopulation struct {
	door   *processDoor
	handle uint64
	info   population.Info
	now    int64
	closed bool
}

func (p *processPopulation) request(verb byte, arguments []byte) ([]byte, error) {
	b, now, err := p.door.request(verb, p.handle, arguments)
	if verb != 'D' {
		p.now = now
	}
	return b, err
}

func (p *processPopulation) Info() population.Info { return p.info }
func (p *processPopulation) Now() int64            { return p.now }

func (p *processPopulation) Step(steps int, events []population.Event, out population.Output) error {
	return p.step(steps, events, out, "", nil)
}

// StepHeads takes one head.
func (p *processPopulation) StepHeads(steps int, events []population.Event, out population.Output, heads map[string][]float32) error {
	for name, values := range heads {
		return p.step(steps, events, out, name, values)
	}
	return p.step(steps, events, out, "", nil)
}

func (p *processPopulation) step(steps int, events []population.Event, out population.Output, head string, values []float32) error {
	capacity, wanted := 0, byte(0)
	if out.PSpike != nil {
		capacity, wanted = len(out.PSpike), 1
	}
	if out.VSoma != nil {
		capacity, wanted = len(out.VSoma), wanted|2
	}
	if out.Spike != nil {
		capacity, wanted = len(out.Spike), wanted|4
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(steps))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(events)))
	b = binary.LittleEndian.AppendUint64(b, uint64(capacity))
	b = append(b, wanted, byte(len(head)))
	b = append(b, head...)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(values)))
	for _, e := range events {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(e.TimeMS))
		b = binary.LittleEndian.AppendUint32(b, uint32(e.Neuron))
		b = binary.LittleEndian.AppendUint32(b, uint32(e.Channel))
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(e.Weight))
		b = binary.LittleEndian.AppendUint32(b, 0)
	}
	for _, o := range [][]float32{out.PSpike, out.VSoma} {
		for _, v := range o {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	}
	for _, s := range out.Spike {
		v := byte(0)
		if s {
			v = 1
		}
		b = append(b, v)
	}
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	r, err := p.request('S', b)
	if want := 4*len(out.PSpike) + 4*len(out.VSoma) + len(out.Spike) + 4*len(values); len(r) != want {
		return fmt.Errorf("result has %d bytes, want %d: %w", len(r), want, err)
	}
	for _, o := range [][]float32{out.PSpike, out.VSoma} {
		for i := range o {
			o[i] = math.Float32frombits(binary.LittleEndian.Uint32(r))
			r = r[4:]
		}
	}
	for i := range out.Spike {
		if r[i] > 1 {
			return fmt.Errorf("spike is %d", r[i])
		}
		out.Spike[i] = r[i] == 1
	}
	r = r[len(out.Spike):]
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(r[4*i:]))
	}
	return err
}

func (p *processPopulation) Reset() {
	if _, err := p.request('R', nil); err != nil {
		panic(err)
	}
}

func (p *processPopulation) OutOfRange() surrogate.RangeReport {
	b, err := p.request('I', nil)
	if err != nil {
		panic(err)
	}
	var r struct {
		Size, Known                                 uint32
		Steps, StepsOutside, Events, WeightsOutside int64
		MaxEventsPerMS                              int64
		MinWeight, MaxWeight                        float32
	}
	if err := binary.Read(bytes.NewReader(b), binary.LittleEndian, &r); err != nil {
		panic(err)
	}
	return surrogate.RangeReport{Known: r.Known == 1, Steps: r.Steps, StepsOutside: r.StepsOutside, Events: r.Events, WeightsOutside: r.WeightsOutside,
		MaxEventsPerMS: int(r.MaxEventsPerMS), MinWeight: r.MinWeight, MaxWeight: r.MaxWeight}
}

func (p *processPopulation) Save(w io.Writer) error {
	b, err := p.request('W', nil)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

func (p *processPopulation) Load(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, err = p.request('L', b)
	return err
}

func (p *processPopulation) Close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	_, err := p.request('D', nil)
	return err
}
