//go:build wasip1

// Command wasm is the WebAssembly guest: the verbs of understudy.h over linear
// memory, as a reactor module. Build it with build.sh and call _initialize
// once. It differs from the C library in this: addresses
// are 32-bit and must be those of us_alloc; texts are address and length;
// options are separate arguments, those of a cell JSON, and there are none for kernel
// and threads, of which there is one each; results are separate arguments, and a head is 16 bytes:
// address and length of its name, address and capacity of its values. An us_event
// is the same 24 bytes, little-endian.
package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"unsafe"

	"understudy/plugin/abi"
	"understudy/plugin/cell"
	"understudy/plugin/population"
)

func main() {}

var door = abi.NewDoor()

// lastMessage is what went wrong in the last call that failed.
var lastMessage string

func call(f func() error) int32 { return status(abi.Catch(f)) }

// status is that of an error, which becomes the last one.
func status(err error) int32 {
	if err != nil {
		lastMessage = err.Error()
	}
	return int32(abi.Of(err))
}

//go:wasmexport us_abi_version
func usABIVersion() uint32 { return abi.Version }

// usLastMessage copies the message of the last call that failed, at most
// capacity bytes, and returns its length.
//
//go:wasmexport us_last_message
func usLastMessage(at, capacity uint32) uint32 {
	b, err := buffers.bytes("buffer", at, uint64(capacity), false)
	if err != nil {
		return 0
	}
	return uint32(copy(b, abi.Cut(lastMessage, len(b))))
}

//go:wasmexport us_model_open_bytes
func usModelOpenBytes(at, size, model uint32) int32 {
	return call(func() error {
		out, err := buffers.bytes("model", model, 8, false)
		if err != nil {
			return err
		}
		b, err := buffers.bytes("bytes", at, uint64(size), false)
		if err != nil {
			return err
		}
		h, err := door.OpenModel("bytes", b)
		if err != nil {
			return err
		}
		binary.LittleEndian.PutUint64(out, h)
		return nil
	})
}

//go:wasmexport us_model_close
func usModelClose(model uint64) int32 {
	return call(func() error { return door.CloseModel(model) })
}

//go:wasmexport us_model_info_json
func usModelInfoJSON(model uint64, at, capacity, size uint32) int32 {
	return call(func() error {
		text, err := door.ModelInfoJSON(model)
		if err != nil {
			return err
		}
		return fill(at, capacity, size, text)
	})
}

//go:wasmexport us_population_create
func usPopulationCreate(model uint64, n int32, precision, spikes uint32, seed uint64, pop uint32) int32 {
	return call(func() error {
		out, err := buffers.bytes("population", pop, 8, false)
		if err != nil {
			return err
		}
		opt, err := abi.SurrogateOptions(precision, spikes, seed)
		if err != nil {
			return err
		}
		h, err := door.NewSurrogate(model, int(n), opt)
		if err != nil {
			return err
		}
		binary.LittleEndian.PutUint64(out, h)
		return nil
	})
}

// usCellPopulationCreate takes options as the JSON of cell.Options; a length of 0 is the default of each.
//
//go:wasmexport us_cell_population_create
func usCellPopulationCreate(name, length uint32, n int32, options, optionsLength, pop uint32) int32 {
	return call(func() error {
		out, err := buffers.bytes("population", pop, 8, false)
		if err != nil {
			return err
		}
		b, err := buffers.bytes("name", name, uint64(length), false)
		if err != nil {
			return err
		}
		var opt cell.Options
		if optionsLength > 0 {
			text, err := buffers.bytes("options", options, uint64(optionsLength), false)
			if err != nil {
				return err
			}
			d := json.NewDecoder(bytes.NewReader(text))
			d.DisallowUnknownFields()
			if err := d.Decode(&opt); err != nil {
				return abi.Errorf(abi.ErrInput, "options of cell %q: %v", b, err)
			}
			if _, err := d.Token(); err != io.EOF {
				return abi.Errorf(abi.ErrInput, "options of cell %q: more than one value", b)
			}
			if opt.Threads != 0 {
				return abi.Errorf(abi.ErrInput, "options of cell %q: %d threads: there is one here", b, opt.Threads)
			}
		}
		h, err := door.NewCell(string(b), int(n), opt)
		if err != nil {
			return err
		}
		binary.LittleEndian.PutUint64(out, h)
		return nil
	})
}

// usPopulationStep does not go through call: Step lets no panic pass either.
//
//go:wasmexport us_population_step
func usPopulationStep(pop uint64, steps int32, events, nEvents, pSpike, vSoma, spike, capacity, heads, nHeads uint32) int32 {
	e, err := buffers.room("events", events, uint64(nEvents)*uint64(unsafe.Sizeof(population.Event{})), nEvents == 0)
	if err != nil {
		return status(err)
	}
	p, err := buffers.room("p_spike", pSpike, uint64(capacity)*4, true)
	if err != nil {
		return status(err)
	}
	v, err := buffers.room("v_soma_mv", vSoma, uint64(capacity)*4, true)
	if err != nil {
		return status(err)
	}
	s, err := buffers.room("spike", spike, uint64(capacity), true)
	if err != nil {
		return status(err)
	}
	b := abi.Buffers{Events: (*population.Event)(e), NEvents: uint64(nEvents), Capacity: uint64(capacity),
		PSpike: (*float32)(p), VSoma: (*float32)(v), Spike: (*uint8)(s)}
	if heads != 0 || nHeads > 0 {
		if b.Heads, err = headBuffers(heads, nHeads); err != nil {
			return status(err)
		}
	}
	return status(door.Step(pop, steps, b))
}

// headSize is the size of a head [bytes].
const headSize = 16

func headBuffers(at, n uint32) ([]abi.HeadBuffer, error) {
	if n > abi.MaxHeads {
		return nil, abi.Errorf(abi.ErrLimit, "%d heads, at most %d are accepted", n, abi.MaxHeads)
	}
	b, err := buffers.bytes("heads", at, uint64(n)*headSize, n == 0)
	if err != nil {
		return nil, err
	}
	var heads []abi.HeadBuffer
	for ; n > 0; n, b = n-1, b[headSize:] {
		name, err := buffers.bytes("name of a head", binary.LittleEndian.Uint32(b), uint64(binary.LittleEndian.Uint32(b[4:])), false)
		if err != nil {
			return nil, err
		}
		capacity := uint64(binary.LittleEndian.Uint32(b[12:]))
		values, err := buffers.bytes("values of a head", binary.LittleEndian.Uint32(b[8:]), capacity*4, false)
		if err != nil {
			return nil, err
		}
		heads = append(heads, abi.HeadBuffer{Name: string(name), Data: (*float32)(unsafe.Pointer(unsafe.SliceData(values))), Capacity: capacity})
	}
	return heads, nil
}

//go:wasmexport us_population_reset
func usPopulationReset(pop uint64) int32 {
	return call(func() error {
		return door.Use(pop, func(p population.Population) error { p.Reset(); return nil })
	})
}

//go:wasmexport us_population_set_numbers
func usPopulationSetNumbers(pop uint64, numbers, n uint32) int32 {
	return call(func() error {
		b, err := buffers.bytes("numbers", numbers, uint64(n)*8, false)
		if err != nil {
			return err
		}
		return door.SetNumbers(pop, (*int64)(unsafe.Pointer(unsafe.SliceData(b))), uint64(n))
	})
}

// infoSize is the size of us_info [bytes].
const infoSize = 48

// usPopulationInfo stores an us_info, all but its first field.
//
//go:wasmexport us_population_info
func usPopulationInfo(pop uint64, at uint32) int32 {
	return call(func() error {
		b, err := buffers.bytes("info", at, infoSize, false)
		if err != nil {
			return err
		}
		return door.Use(pop, func(p population.Population) error {
			i := p.Info()
			binary.LittleEndian.PutUint32(b[4:], uint32(abi.Kind(i)))
			binary.LittleEndian.PutUint32(b[8:], uint32(i.N))
			binary.LittleEndian.PutUint32(b[12:], uint32(i.Channels))
			binary.LittleEndian.PutUint64(b[16:], uint64(p.Now()))
			binary.LittleEndian.PutUint64(b[24:], uint64(i.StateBytes))
			binary.LittleEndian.PutUint64(b[32:], math.Float64bits(i.MACsPerMS))
			binary.LittleEndian.PutUint64(b[40:], math.Float64bits(i.MACsPerEvt))
			return nil
		})
	})
}

// rangeSize is the size of us_input_range [bytes], longRangeSize that with the number of channels outside after it.
const rangeSize, longRangeSize = 56, 64

// usPopulationInputRange stores an us_input_range, all but its first field, and where the buffer has
// 8 bytes more, how often a channel had more events within a second than in training.
//
//go:wasmexport us_population_input_range
func usPopulationInputRange(pop uint64, at uint32) int32 {
	return call(func() error {
		b, err := buffers.bytes("range", at, rangeSize, false)
		if err != nil {
			return err
		}
		r, err := door.InputRange(pop)
		if err != nil {
			return err
		}
		known := uint32(0)
		if r.Known {
			known = 1
		}
		binary.LittleEndian.PutUint32(b[4:], known)
		for i, n := range []int64{r.Steps, r.StepsOutside, r.Events, r.WeightsOutside, int64(r.MaxEventsPerMS)} {
			binary.LittleEndian.PutUint64(b[8+8*i:], uint64(n))
		}
		binary.LittleEndian.PutUint32(b[48:], math.Float32bits(r.MinWeight))
		binary.LittleEndian.PutUint32(b[52:], math.Float32bits(r.MaxWeight))
		if b, err := buffers.bytes("range", at, longRangeSize, false); err == nil {
			binary.LittleEndian.PutUint64(b[rangeSize:], uint64(r.ChannelsOutside))
		}
		return nil
	})
}

//go:wasmexport us_population_save
func usPopulationSave(pop uint64, at, capacity, size uint32) int32 {
	return call(func() error {
		state, err := door.Save(pop)
		if err != nil {
			return err
		}
		return fill(at, capacity, size, state)
	})
}

//go:wasmexport us_population_load
func usPopulationLoad(pop uint64, at, size uint32) int32 {
	return call(func() error {
		b, err := buffers.bytes("buffer", at, uint64(size), false)
		if err != nil {
			return err
		}
		return door.Load(pop, b)
	})
}

//go:wasmexport us_population_destroy
func usPopulationDestroy(pop uint64) int32 {
	return call(func() error { return door.Destroy(pop) })
}

// fill answers a call of the two-call pattern.
func fill(at, capacity, size uint32, data []byte) error {
	out, err := buffers.bytes("size", size, 8, false)
	if err != nil {
		return err
	}
	b, err := buffers.bytes("buffer", at, uint64(capacity), true)
	if err != nil {
		return err
	}
	need, err := abi.Fill(unsafe.SliceData(b), uint64(capacity), data)
	binary.LittleEndian.PutUint64(out, need)
	return err
}
