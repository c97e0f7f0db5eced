// Command lib is libunderstudy, the C library of understudy.h. Build it with
// build.sh.
//
// entry.c holds the public C functions; the Go halves here are not exported
// from the library.
package main

/*
#cgo CFLAGS: -std=gnu11 -O2 -fvisibility=hidden -I${SRCDIR}/../include
#include "understudy.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"understudy/plugin/abi"
	"understudy/plugin/cell"
	"understudy/plugin/detailed"
	"understudy/plugin/model"
	"understudy/plugin/morphology"
	"understudy/plugin/population"
)

func main() {}

// door is the one piece of process-wide state: C callers hold only handles.
var door = abi.NewDoor()

// Go's copy of a struct is used only while the layouts agree.
var (
	_ = [1]struct{}{}[unsafe.Sizeof(C.us_event{})-unsafe.Sizeof(population.Event{})]
	_ = [1]struct{}{}[unsafe.Offsetof(C.us_event{}.neuron)-unsafe.Offsetof(population.Event{}.Neuron)]
	_ = [1]struct{}{}[unsafe.Offsetof(C.us_event{}.channel)-unsafe.Offsetof(population.Event{}.Channel)]
	_ = [1]struct{}{}[unsafe.Offsetof(C.us_event{}.weight)-unsafe.Offsetof(population.Event{}.Weight)]
)

// call runs f, recovers a panic, and stores what went wrong in e.
func call(e *C.us_error, f func() error) C.int32_t {
	err := abi.Catch(f)
	if err == nil {
		return C.US_OK
	}
	status := C.int32_t(abi.Of(err))
	if head := unsafe.Offsetof(e.message); e != nil && uintptr(e.size) >= head+8 {
		e.code = status
		room := unsafe.Slice((*byte)(unsafe.Pointer(&e.message[0])), uintptr(e.size)-head)
		room[copy(room, abi.Cut(err.Error(), len(room)-1))] = 0
	}
	return status
}

func null(what string) error { return abi.Errorf(abi.ErrNull, "%s is NULL", what) }

// checkStruct checks the first fields of a struct of options.
func checkStruct(what string, size, want C.uint32_t, version C.uint32_t) error {
	if version != C.US_ABI_VERSION {
		return abi.Errorf(abi.ErrVersion, "%s.abi_version is %d, this library knows %d", what, version, C.US_ABI_VERSION)
	}
	return checkSize(what, size, want)
}

func checkSize(what string, size, want C.uint32_t) error {
	if size != want {
		return abi.Errorf(abi.ErrVersion, "%s.size is %d, this library knows %d", what, size, want)
	}
	return nil
}

//export goModelOpen
func goModelOpen(path *C.char, handle *C.us_model, e *C.us_error) C.int32_t {
	return call(e, func() error {
		if path == nil {
			return null("path")
		}
		if handle == nil {
			return null("model")
		}
		name := C.GoString(path)
		data, err := model.ReadFile(name)
		if err != nil {
			return err
		}
		h, err := door.OpenModel(name, data)
		if err != nil {
			return err
		}
		*handle = C.us_model(h)
		return nil
	})
}

//export goModelOpenBytes
func goModelOpenBytes(data unsafe.Pointer, size C.uint64_t, handle *C.us_model, e *C.us_error) C.int32_t {
	return call(e, func() error {
		if data == nil {
			return null("bytes")
		}
		if handle == nil {
			return null("model")
		}
		b, err := bytesAt(data, size)
		if err != nil {
			return err
		}
		h, err := door.OpenModel("bytes", b)
		if err != nil {
			return err
		}
		*handle = C.us_model(h)
		return nil
	})
}

//export goModelClose
func goModelClose(model C.us_model, e *C.us_error) C.int32_t {
	return call(e, func() error { return door.CloseModel(uint64(model)) })
}

//export goModelInfoJSON
func goModelInfoJSON(model C.us_model, buffer *C.char, capacity C.uint64_t, size *C.uint64_t, e *C.us_error) C.int32_t {
	return call(e, func() error {
		if size == nil {
			return null("size")
		}
		text, err := door.ModelInfoJSON(uint64(model))
		if err != nil {
			return err
		}
		return fill(unsafe.Pointer(buffer), capacity, size, append(text, 0))
	})
}

//export goPopulationCreate
func goPopulationCreate(model C.us_model, n C.int32_t, opt *C.us_options, pop *C.us_population, e *C.us_error) C.int32_t {
	return call(e, func() error {
		if opt == nil {
			return null("options")
		}
		if pop == nil {
			return null("population")
		}
		if err := checkStruct("options", opt.size, C.sizeof_us_options, opt.abi_version); err != nil {
			return err
		}
		if opt.reserved != 0 {
			return abi.Errorf(abi.ErrInput, "options.reserved is %d, expected 0", opt.reserved)
		}
		o, err := abi.SurrogateOptions(uint32(opt.precision), uint32(opt.spikes), uint64(opt.seed))
		if err != nil {
			return err
		}
		o.Kernel, o.Threads = text(opt.kernel), int(opt.threads)
		h, err := door.NewSurrogate(uint64(model), int(n), o)
		if err != nil {
			return err
		}
		*pop = C.us_population(h)
		return nil
	})
}

//export goPopulationStep
func goPopulationStep(pop C.us_population, steps C.int32_t, events *C.us_event, n C.uint64_t, out *C.us_output, e *C.us_error) C.int32_t {
	return call(e, func() error {
		b := abi.Buffers{
			Events:  (*population.Event)(unsafe.Pointer(events)),
			NEvents: uint64(n),
		}
		if out != nil {
			if err := checkSize("out", out.size, C.sizeof_us_output); err != nil {
				return err
			}
			b.Capacity = uint64(out.capacity)
			b.PSpike = (*float32)(unsafe.Pointer(out.p_spike))
			b.VSoma = (*float32)(unsafe.Pointer(out.v_soma_mv))
			b.Spike = (*uint8)(unsafe.Pointer(out.spike))
			var err error
			if b.Heads, err = headBuffers(out); err != nil {
				return err
			}
		}
		return door.Step(uint64(pop), int32(steps), b)
	})
}

// headBuffers are the heads of an output.
func headBuffers(out *C.us_output) ([]abi.HeadBuffer, error) {
	switch {
	case out.n_heads == 0:
		return nil, nil
	case out.n_heads > abi.MaxHeads:
		return nil, abi.Errorf(abi.ErrLimit, "out.n_heads is %d, at most %d are accepted", out.n_heads, abi.MaxHeads)
	case out.heads == nil:
		return nil, null("out.heads")
	}
	var buffers []abi.HeadBuffer
	for i, h := range unsafe.Slice(out.heads, out.n_heads) {
		if h.name == nil {
			return nil, null(fmt.Sprintf("out.heads[%d].name", i))
		}
		buffers = append(buffers, abi.HeadBuffer{Name: C.GoString(h.name), Data: (*float32)(unsafe.Pointer(h.values)), Capacity: uint64(h.capacity)})
	}
	return buffers, nil
}

//export goPopulationReset
func goPopulationReset(pop C.us_population, e *C.us_error) C.int32_t {
	return call(e, func() error {
		return door.Use(uint64(pop), func(p population.Population) error { p.Reset(); return nil })
	})
}

//export goPopulationNow
func goPopulationNow(pop C.us_population, now *C.int64_t, e *C.us_error) C.int32_t {
	return call(e, func() error {
		if now == nil {
			return null("now")
		}
		return door.Use(uint64(pop), func(p population.Population) error {
			*now = C.int64_t(p.Now())
			return nil
		})
	})
}

//export goPopulationInfo
func goPopulationInfo(pop C.us_population, info *C.us_info, e *C.us_error) C.int32_t {
	return call(e, func() error {
		if info == nil {
			return null("info")
		}
		if err := checkSize("info", info.size, C.sizeof_us_info); err != nil {
			return err
		}
		return door.Use(uint64(pop), func(p population.Population) error {
			i := p.Info()
			info.kind = C.int32_t(abi.Kind(i))
			info.n = C.int32_t(i.N)
			info.channels = C.int32_t(i.Channels)
			info.now = C.int64_t(p.Now())
			info.state_bytes = C.int64_t(i.StateBytes)
			info.macs_per_ms = C.double(i.MACsPerMS)
			info.macs_per_event = C.double(i.MACsPerEvt)
			return nil
		})
	})
}

//export goPopulationInputRange
func goPopulationInputRange(pop C.us_population, to *C.us_input_range, e *C.us_error) C.int32_t {
	return call(e, func() error {
		if to == nil {
			return null("range")
		}
		if err := checkSize("range", to.size, C.sizeof_us_input_range); err != nil {
			return err
		}
		r, err := door.InputRange(uint64(pop))
		if err != nil {
			return err
		}
		*to = C.us_input_range{size: to.size, steps: C.int64_t(r.Steps), steps_outside: C.int64_t(r.StepsOutside),
			events: C.int64_t(r.Events), weights_outside: C.int64_t(r.WeightsOutside), max_events_per_ms: C.int64_t(r.MaxEventsPerMS),
			min_weight: C.float(r.MinWeight), max_weight: C.float(r.MaxWeight)}
		if r.Known {
			to.known = 1
		}
		return nil
	})
}

//export goPopulationSetNumbers
func goPopulationSetNumbers(pop C.us_population, numbers *C.int64_t, n C.uint64_t, e *C.us_error) C.int32_t {
	return call(e, func() error { return door.SetNumbers(uint64(pop), (*int64)(numbers), uint64(n)) })
}

//export goPopulationSave
func goPopulationSave(pop C.us_population, buffer unsafe.Pointer, capacity C.uint64_t, size *C.uint64_t, e *C.us_error) C.int32_t {
	return call(e, func() error {
		if size == nil {
			return null("size")
		}
		state, err := door.Save(uint64(pop))
		if err != nil {
			return err
		}
		return fill(buffer, capacity, size, state)
	})
}

//export goPopulationLoad
func goPopulationLoad(pop C.us_population, buffer unsafe.Pointer, size C.uint64_t, e *C.us_error) C.int32_t {
	return call(e, func() error {
		if buffer == nil {
			return null("buffer")
		}
		b, err := bytesAt(buffer, size)
		if err != nil {
			return err
		}
		return door.Load(uint64(pop), b)
	})
}

//export goPopulationDestroy
func goPopulationDestroy(pop C.us_population, e *C.us_error) C.int32_t {
	return call(e, func() error { return door.Destroy(uint64(pop)) })
}

//export goCellPopulationCreate
func goCellPopulationCreate(name *C.char, n C.int32_t, opt *C.us_cell_options, pop *C.us_population, e *C.us_error) C.int32_t {
	return call(e, func() error {
		if name == nil {
			return null("name")
		}
		if opt == nil {
			return null("options")
		}
		if pop == nil {
			return null("population")
		}
		if err := checkStruct("options", opt.size, C.sizeof_us_cell_options, opt.abi_version); err != nil {
			return err
		}
		if opt.reserved != 0 {
			return abi.Errorf(abi.ErrInput, "options.reserved is %d, expected 0", opt.reserved)
		}
		o := cell.Options{Synapses: text(opt.synapses), Scheme: detailed.Scheme(text(opt.scheme)), DtMS: float64(opt.dt_ms), Threads: int(opt.threads)}
		if opt.morphology != nil {
			m, err := morphology.ReadFile(C.GoString(opt.morphology))
			if err != nil {
				return err
			}
			o.Morphology = m
		}
		h, err := door.NewCell(C.GoString(name), int(n), o)
		if err != nil {
			return err
		}
		*pop = C.us_population(h)
		return nil
	})
}

// text is a C string, "" for NULL.
func text(s *C.char) string {
	if s == nil {
		return ""
	}
	return C.GoString(s)
}

// bytesAt is the caller's memory; it is not copied.
func bytesAt(p unsafe.Pointer, size C.uint64_t) ([]byte, error) {
	if size > 1<<40 {
		return nil, abi.Errorf(abi.ErrLimit, "%d bytes, at most %d are accepted", size, uint64(1)<<40)
	}
	return unsafe.Slice((*byte)(p), size), nil
}

// fill answers a call of the two-call pattern.
func fill(buffer unsafe.Pointer, capacity C.uint64_t, size *C.uint64_t, data []byte) error {
	need, err := abi.Fill((*byte)(buffer), uint64(capacity), data)
	*size = C.uint64_t(need)
	return err
}
