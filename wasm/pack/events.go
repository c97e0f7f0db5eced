package pack

import (
	"understudy/wasm/module"
)

// An event as the caller writes it is 24 bytes: t_ms f64, neuron i32, channel i32, weight f32, 4 bytes
// unused (us_event of understudy.h).
const eventSize = 24

// A record is an event on its way through a step: a key i64, which from the high bits down holds the step
// within the call, the neuron and the channel, so that its order is the canonical order; the weight f32.
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
	g.check(f, count, start, stop)

	e := f.let(result(sort, local(count)))
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

// check makes records of the caller's events. It returns the status of the first that is wrong.
func (g *generator) check(f code, count, start, stop module.Local) {
	e, r, i := f.let(global(g.events)), f.let(global(g.records)), f.Local(i32)
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
		f.advance(e, num(eventSize))
		f.advance(r, num(recordSize))
		f.advance(i, num(1))
	})
}

// sortRun is how many records are sorted by insertion.
const sortRun = 16

// writeSort writes a function (count) that sorts the records and returns the address where they are then: at
// records, or behind them where there is room for as many.
func (g *generator) writeSort() *module.Func {
	f := g.function(i32s(1), i32)
	count := f.Param(0)
	size := times(local(count), recordSize)
	from, to := f.let(global(g.records)), f.let(add(global(g.records), times(global(g.maxEvents), recordSize)))

	// Runs, by insertion.
	end := f.let(add(local(from), size))
	run, next, r, p := f.let(local(from)), f.Local(i32), f.Local(i32), f.Local(i32)
	key, w := f.Local(module.I64), f.Local(module.F32)
	smaller := func(a, b value) value { return choose(a, b, op("i32.lt_u", a, b)) }
	f.while(op("i32.lt_u", local(run), local(end)), func() {
		f.set(next, smaller(add(local(run), num(sortRun*recordSize)), local(end)))
		f.set(r, add(local(run), num(recordSize)))
		f.while(op("i32.lt_u", local(r), local(next)), func() {
			f.set(p, sub(local(r), num(recordSize)))
			f.when(before(r, p), func() {
				f.set(key, loadAs("i64.load", local(r), 0))
				f.set(w, eventWeight(r))
				f.Block(func() {
					f.Loop(func() {
						f.store("i64.store", local(p), recordSize, loadAs("i64.load", local(p), 0))
						f.store("f32.store", local(p), recordSize+8, eventWeight(p))
						f.advance(p, num(-recordSize))
						op("i32.lt_u", local(p), local(run))(f)
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
		f.set(run, local(next))
	})

	// Merge runs, each time into the other half.
	length, i := f.let(num(sortRun*recordSize)), f.Local(i32)
	a, b, aEnd, bEnd, out, swap := f.Local(i32), f.Local(i32), f.Local(i32), f.Local(i32), f.Local(i32), f.Local(i32)
	f.while(op("i32.lt_u", local(length), size), func() {
		f.set(i, num(0))
		f.set(out, local(to))
		f.while(op("i32.lt_u", local(i), size), func() {
			f.set(a, add(local(from), local(i)))
			f.set(aEnd, add(local(from), smaller(add(local(i), local(length)), size)))
			f.set(b, local(aEnd))
			f.advance(i, times(local(length), 2))
			f.set(bEnd, add(local(from), smaller(local(i), size)))
			f.while(op("i32.and", op("i32.lt_u", local(a), local(aEnd)), op("i32.lt_u", local(b), local(bEnd))), func() {
				before(b, a)(f)
				f.IfElse(func() {
					f.copyRecord(out, b)
					f.advance(b, num(recordSize))
				}, func() {
					f.copyRecord(out, a)
					f.advance(a, num(recordSize))
				})
				f.advance(out, num(recordSize))
			})
			for _, rest := range [][2]module.Local{{a, aEnd}, {b, bEnd}} {
				f.while(op("i32.lt_u", local(rest[0]), local(rest[1])), func() {
					f.copyRecord(out, rest[0])
					f.advance(rest[0], num(recordSize))
					f.advance(out, num(recordSize))
				})
			}
		})
		f.set(swap, local(from))
		f.set(from, local(to))
		f.set(to, local(swap))
		f.set(length, times(local(length), 2))
	})
	f.Get(from)
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
