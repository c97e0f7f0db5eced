package pack

import (
	"math"

	"understudy/wasm/module"
)

// An event as the caller writes it is 24 bytes: t_ms f64, neuron i32, channel i32, weight f32, 4 bytes
// unused (us_event of understudy.h).
const eventSize = 24

// A record is an event on its way through a step: a key i64, which from the high bits down holds the step
// within the call, the neuron and the channel, so that its order is the canonical order; the weight f32; a number i32
// whose order, unsigned, is that of the weights.
const (
	recordSize  = 16
	channelBits = 20
	neuronBits  = 20
)

func eventNeuron(e module.Local) value {
	return op("i32.wrap_i64", op("i64.and", op("i64.shr_u", loadAs("i64.load", local(e), 0), long(channelBits)), long(1<<neuronBits-1)))
}

func eventChannel(e module.Local) value {
	return op("i32.and", load(local(e), 0), num(1<<channelBits-1))
}

func eventStep(e module.Local) value {
	return op("i32.wrap_i64", op("i64.shr_u", loadAs("i64.load", local(e), 0), long(channelBits+neuronBits)))
}

func eventWeight(e module.Local) value { return loadAs("f32.load", local(e), 8) }

// before is whether record a comes before record b: by key, then by weight.
func before(a, b module.Local) value {
	ka, kb := loadAs("i64.load", local(a), 0), loadAs("i64.load", local(b), 0)
	return op("i32.or", op("i64.lt_u", ka, kb), op("i32.and", op("i64.eq", ka, kb), op("f32.lt", eventWeight(a), eventWeight(b))))
}

// writeStep writes the function step(steps, events) of the interface.
func (g *generator) writeStep(sort, forward, emit *module.Func) *module.Func {
	f := g.function(i32s(2), i32)
	steps, count := f.Param(0), f.Param(1)
	f.fail(op("i32.eqz", global(g.n)), NoPopulation)
	f.fail(op("i32.gt_u", sub(local(steps), num(1)), sub(global(g.maxSteps), num(1))), BadCount)
	f.fail(op("i32.gt_u", local(count), global(g.maxEvents)), BadCount)
	start := f.letAs(module.F64, op("f64.convert_i64_u", global(g.now)))
	stop := f.letAs(module.F64, op("f64.add", local(start), op("f64.convert_i32_u", local(steps))))
	f.fail(op("i64.gt_u", op("i64.add", global(g.now), op("i64.extend_i32_u", local(steps))), long(maxNow)), BadCount)
	keys, weights := g.check(f, count, start, stop)

	e := f.let(result(sort, local(count), local(keys), local(weights)))
	end, from := f.let(result(g.writeMerge(), local(e), local(count))), f.Local(i32)
	f.each(local(steps), func(row module.Local) {
		f.set(from, local(e))
		f.Block(func() {
			f.Loop(func() {
				op("i32.ge_u", local(e), local(end))(f)
				f.BrIf(1)
				op("i32.gt_u", eventStep(e), local(row))(f)
				f.BrIf(1)
				f.advance(e, num(recordSize))
				f.Br(0)
			})
		})
		f.call(forward, local(from), local(e))
		f.call(emit, local(row))
		f.setGlobal(g.now, op("i64.add", global(g.now), long(1)))
	})
	f.I32(int32(OK))
	return f.Func
}

// check makes records of the caller's events, or has the function return the status of the first that is wrong. In keys and weights
// are the bits in which the records' two halves differ.
func (g *generator) check(f code, count, start, stop module.Local) (keys, weights module.Local) {
	e, r, i := f.let(global(g.events)), f.let(global(g.records)), f.Local(i32)
	keys, weights = f.Local(module.I64), f.Local(module.I64)
	t, w, neuron, channel := f.Local(module.F64), f.Local(module.F32), f.Local(i32), f.Local(i32)
	f.while(op("i32.lt_u", local(i), local(count)), func() {
		f.set(t, loadAs("f64.load", local(e), 0))
		f.set(neuron, load(local(e), 8))
		f.set(channel, load(local(e), 12))
		f.set(w, loadAs("f32.load", local(e), 16))
		within := op("i32.and", op("f64.ge", local(t), local(start)), op("f64.lt", local(t), local(stop)))
		for _, c := range []struct {
			wrong  value
			status Status
		}{
			{op("i32.eqz", within), BadTime}, // so that NaN is wrong, too
			{op("i32.ge_u", local(neuron), global(g.n)), BadNeuron},
			{op("i32.ge_u", local(channel), num(g.plan.Channels)), BadChannel},
			{op("f32.ne", op("f32.sub", local(w), local(w)), single(0)), BadWeight}, // NaN - NaN and Inf - Inf are NaN
		} {
			f.when(c.wrong, func() {
				f.setGlobal(g.wrong, local(i))
				f.I32(int32(c.status))
				f.Op("return")
			})
		}
		step := op("i64.sub", op("i64.trunc_sat_f64_u", local(t)), global(g.now))
		key := op("i64.or", op("i64.shl", op("i64.or", op("i64.shl", step, long(neuronBits)), op("i64.extend_i32_u", local(neuron))), long(channelBits)), op("i64.extend_i32_u", local(channel)))
		f.store("i64.store", local(r), 0, key)
		f.store("f32.store", local(r), 8, local(w))
		bits := op("i32.reinterpret_f32", local(w))
		f.store("i32.store", local(r), 12, op("i32.xor", bits, op("i32.or", op("i32.shr_s", bits, num(31)), num(math.MinInt32))))
		for half, differ := range []module.Local{keys, weights} {
			of := func(r value) value { return loadAs("i64.load", r, 8*half) }
			f.set(differ, op("i64.or", local(differ), op("i64.xor", of(local(r)), of(global(g.records)))))
		}
		f.advance(e, num(eventSize))
		f.advance(r, num(recordSize))
		f.advance(i, num(1))
	})
	return keys, weights
}

// sortRun is up to how many records are sorted by insertion; more, by their digits.
const sortRun = 24

// digits are the parts of a record by which it is sorted, least first: half of the record, first bit, number of bits.
var digits = []struct{ half, shift, bits int }{
	{1, 32, 8}, {1, 40, 8}, {1, 48, 8}, {1, 56, 8}, // weight
	{0, 0, 7}, {0, 7, 7}, {0, 14, 6}, {0, 20, 7}, {0, 27, 7}, {0, 34, 6}, {0, 40, 7}, {0, 47, 7}, {0, 54, 6}, // channel, neuron, step
}

// maxDigitBits is the most that a digit has.
const maxDigitBits = 8

// writeSort writes a function (count, keys, weights) that sorts the records, whose halves differ in these bits, and returns the address
// where they are then: at records, or behind them where there is room for as many.
func (g *generator) writeSort() *module.Func {
	byDigit := g.writeByDigit()
	f := g.function([]module.Type{i32, module.I64, module.I64}, i32)
	count := f.Param(0)
	from, to := f.let(global(g.records)), f.let(add(global(g.records), times(global(g.maxEvents), recordSize)))
	f.when(op("i32.le_u", local(count), num(sortRun)), func() {
		f.insert(from, count)
		f.Get(from)
		f.Op("return")
	})
	differ, swap := f.Local(i32), f.Local(i32)
	for _, d := range digits {
		f.set(differ, op("i32.wrap_i64", op("i64.and", op("i64.shr_u", f.param(1+d.half), long(int64(d.shift))), long(1<<d.bits-1))))
		f.when(local(differ), func() {
			mask := op("i32.shr_u", num(-1), op("i32.clz", local(differ)))
			f.call(byDigit, local(from), local(to), local(count), num(8*d.half), long(int64(d.shift)), mask)
			f.set(swap, local(from))
			f.set(from, local(to))
			f.set(to, local(swap))
		})
	}
	f.Get(from)
	return f.Func
}

// insert sorts a few records by insertion.
func (f code) insert(from, count module.Local) {
	end := f.let(add(local(from), times(local(count), recordSize)))
	r, p := f.let(add(local(from), num(recordSize))), f.Local(i32)
	key, w := f.Local(module.I64), f.Local(module.F32)
	f.while(op("i32.lt_u", local(r), local(end)), func() {
		f.set(p, sub(local(r), num(recordSize)))
		f.when(before(r, p), func() {
			f.set(key, loadAs("i64.load", local(r), 0))
			f.set(w, eventWeight(r))
			f.Block(func() {
				f.Loop(func() {
					f.store("i64.store", local(p), recordSize, loadAs("i64.load", local(p), 0))
					f.store("f32.store", local(p), recordSize+8, eventWeight(p))
					f.advance(p, num(-recordSize))
					op("i32.lt_u", local(p), local(from))(f)
					f.BrIf(1)
					kp := loadAs("i64.load", local(p), 0)
					op("i32.or", op("i64.lt_u", local(key), kp), op("i32.and", op("i64.eq", local(key), kp), op("f32.lt", local(w), eventWeight(p))))(f)
					f.BrIf(0)
				})
			})
			f.store("i64.store", local(p), recordSize, local(key))
			f.store("f32.store", local(p), recordSize+8, local(w))
		})
		f.advance(r, num(recordSize))
	})
}

// writeByDigit writes a function (from, to, count, offset, shift i64, mask) that sorts records by the digit that mask leaves of the
// number at offset, shifted; those with equal digits stay in order.
func (g *generator) writeByDigit() *module.Func {
	places := g.room(4 << maxDigitBits) // of the next record with each digit
	f := g.function([]module.Type{i32, i32, i32, i32, module.I64, i32})
	from, to, offset, shift, mask := f.Param(0), f.Param(1), f.Param(3), f.Param(4), f.Param(5)
	size, end := f.let(times(add(local(mask), num(1)), 4)), f.let(add(local(from), times(f.param(2), recordSize)))
	f.fill(num(places), 0, local(size))
	r, p, n := f.Local(i32), f.Local(i32), f.Local(i32)
	each := func(body func()) {
		f.set(r, local(from))
		f.while(op("i32.lt_u", local(r), local(end)), func() {
			digit := op("i32.and", op("i32.wrap_i64", op("i64.shr_u", loadAs("i64.load", add(local(r), local(offset)), 0), local(shift))), local(mask))
			f.set(p, times(digit, 4))
			body()
			f.advance(r, num(recordSize))
		})
	}
	each(func() { f.store("i32.store", local(p), places, add(load(local(p), places), num(1))) })
	f.set(p, num(0))
	f.while(op("i32.lt_u", local(p), local(size)), func() {
		f.set(n, times(load(local(p), places), recordSize))
		f.store("i32.store", local(p), places, local(to))
		f.advance(to, local(n))
		f.advance(p, num(4))
	})
	each(func() {
		f.set(n, load(local(p), places))
		f.copyRecord(n, r)
		f.store("i32.store", local(p), places, add(local(n), num(recordSize)))
	})
	return f.Func
}

func (f code) copyRecord(to, from module.Local) {
	f.Get(to, from)
	f.Mem("v128.load", 0)
	f.Mem("v128.store", 0)
}

// writeMerge writes a function (records, count) that sums the weights of each channel in a step, in the sorted
// order, leaves out sums of zero, and returns the end of what is left.
func (g *generator) writeMerge() *module.Func {
	f := g.function(i32s(2), i32)
	r, count := f.Param(0), f.Param(1)
	end, to := f.let(add(local(r), times(local(count), recordSize))), f.let(local(r))
	key, w := f.Local(module.I64), f.Local(module.F32)
	f.while(op("i32.lt_u", local(r), local(end)), func() {
		f.set(key, loadAs("i64.load", local(r), 0))
		f.set(w, eventWeight(r))
		f.advance(r, num(recordSize))
		f.Block(func() {
			f.Loop(func() {
				op("i32.ge_u", local(r), local(end))(f)
				f.BrIf(1)
				op("i64.ne", loadAs("i64.load", local(r), 0), local(key))(f)
				f.BrIf(1)
				f.set(w, op("f32.add", local(w), eventWeight(r)))
				f.advance(r, num(recordSize))
				f.Br(0)
			})
		})
		f.when(op("f32.ne", local(w), single(0)), func() {
			f.store("i64.store", local(to), 0, local(key))
			f.store("f32.store", local(to), 8, local(w))
			f.advance(to, num(recordSize))
		})
	})
	f.Get(to)
	return f.Func
}
