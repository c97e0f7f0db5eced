package module

// form is what follows an opcode.
type form byte

const (
	plain form = iota
	memory
	lanes
	memoryLane
	shuffle
)

type opcode struct {
	code uint32 // above 0xff: a prefix in the third byte, a number in the first two
	form form
}

var opcodes = func() map[string]opcode {
	all := map[string]opcode{}
	run := func(first uint32, form form, names ...string) {
		for i, name := range names {
			if name != "" {
				all[name] = opcode{first + uint32(i), form}
			}
		}
	}
	typed := func(first uint32, form form, typ string, names ...string) {
		for i, name := range names {
			if name != "" {
				all[typ+"."+name] = opcode{first + uint32(i), form}
			}
		}
	}
	run(0x00, plain, "unreachable", "nop")
	run(0x0f, plain, "return")
	run(0x1a, plain, "drop", "select")
	run(0x28, memory, "i32.load", "i64.load", "f32.load", "f64.load", "i32.load8_s", "i32.load8_u", "i32.load16_s", "i32.load16_u",
		"i64.load8_s", "i64.load8_u", "i64.load16_s", "i64.load16_u", "i64.load32_s", "i64.load32_u",
		"i32.store", "i64.store", "f32.store", "f64.store", "i32.store8", "i32.store16", "i64.store8", "i64.store16", "i64.store32")
	integer := []string{"eqz", "eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"}
	float := []string{"eq", "ne", "lt", "gt", "le", "ge"}
	typed(0x45, plain, "i32", integer...)
	typed(0x50, plain, "i64", integer...)
	typed(0x5b, plain, "f32", float...)
	typed(0x61, plain, "f64", float...)
	integer = []string{"clz", "ctz", "popcnt", "add", "sub", "mul", "div_s", "div_u", "rem_s", "rem_u", "and", "or", "xor", "shl", "shr_s", "shr_u", "rotl", "rotr"}
	float = []string{"abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt", "add", "sub", "mul", "div", "min", "max", "copysign"}
	typed(0x67, plain, "i32", integer...)
	typed(0x79, plain, "i64", integer...)
	typed(0x8b, plain, "f32", float...)
	typed(0x99, plain, "f64", float...)
	run(0xa7, plain, "i32.wrap_i64", "i32.trunc_f32_s", "i32.trunc_f32_u", "i32.trunc_f64_s", "i32.trunc_f64_u",
		"i64.extend_i32_s", "i64.extend_i32_u", "i64.trunc_f32_s", "i64.trunc_f32_u", "i64.trunc_f64_s", "i64.trunc_f64_u",
		"f32.convert_i32_s", "f32.convert_i32_u", "f32.convert_i64_s", "f32.convert_i64_u", "f32.demote_f64",
		"f64.convert_i32_s", "f64.convert_i32_u", "f64.convert_i64_s", "f64.convert_i64_u", "f64.promote_f32",
		"i32.reinterpret_f32", "i64.reinterpret_f64", "f32.reinterpret_i32", "f64.reinterpret_i64",
		"i32.extend8_s", "i32.extend16_s", "i64.extend8_s", "i64.extend16_s", "i64.extend32_s")
	typed(0xfc0000, plain, "i32", "trunc_sat_f32_s", "trunc_sat_f32_u", "trunc_sat_f64_s", "trunc_sat_f64_u")
	typed(0xfc0004, plain, "i64", "trunc_sat_f32_s", "trunc_sat_f32_u", "trunc_sat_f64_s", "trunc_sat_f64_u")

	// Vectors: prefix 0xfd.
	const v = 0xfd0000
	typed(v+0, memory, "v128", "load", "load8x8_s", "load8x8_u", "load16x4_s", "load16x4_u", "load32x2_s", "load32x2_u",
		"load8_splat", "load16_splat", "load32_splat", "load64_splat", "store")
	run(v+13, shuffle, "i8x16.shuffle")
	run(v+14, plain, "i8x16.swizzle", "i8x16.splat", "i16x8.splat", "i32x4.splat", "i64x2.splat", "f32x4.splat", "f64x2.splat")
	run(v+21, lanes, "i8x16.extract_lane_s", "i8x16.extract_lane_u", "i8x16.replace_lane", "i16x8.extract_lane_s", "i16x8.extract_lane_u",
		"i16x8.replace_lane", "i32x4.extract_lane", "i32x4.replace_lane", "i64x2.extract_lane", "i64x2.replace_lane",
		"f32x4.extract_lane", "f32x4.replace_lane", "f64x2.extract_lane", "f64x2.replace_lane")
	compare := []string{"eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"}
	typed(v+35, plain, "i8x16", compare...)
	typed(v+45, plain, "i16x8", compare...)
	typed(v+55, plain, "i32x4", compare...)
	typed(v+65, plain, "f32x4", "eq", "ne", "lt", "gt", "le", "ge")
	typed(v+71, plain, "f64x2", "eq", "ne", "lt", "gt", "le", "ge")
	typed(v+77, plain, "v128", "not", "and", "andnot", "or", "xor", "bitselect", "any_true")
	typed(v+84, memoryLane, "v128", "load8_lane", "load16_lane", "load32_lane", "load64_lane", "store8_lane", "store16_lane", "store32_lane", "store64_lane")
	typed(v+92, memory, "v128", "load32_zero", "load64_zero")
	run(v+94, plain, "f32x4.demote_f64x2_zero", "f64x2.promote_low_f32x4")
	typed(v+96, plain, "i8x16", "abs", "neg", "popcnt", "all_true", "bitmask", "narrow_i16x8_s", "narrow_i16x8_u")
	run(v+103, plain, "f32x4.ceil", "f32x4.floor", "f32x4.trunc", "f32x4.nearest")
	typed(v+107, plain, "i8x16", "shl", "shr_s", "shr_u", "add", "add_sat_s", "add_sat_u", "sub", "sub_sat_s", "sub_sat_u")
	run(v+116, plain, "f64x2.ceil", "f64x2.floor")
	typed(v+118, plain, "i8x16", "min_s", "min_u", "max_s", "max_u")
	run(v+122, plain, "f64x2.trunc", "i8x16.avgr_u", "i16x8.extadd_pairwise_i8x16_s", "i16x8.extadd_pairwise_i8x16_u",
		"i32x4.extadd_pairwise_i16x8_s", "i32x4.extadd_pairwise_i16x8_u")
	typed(v+128, plain, "i16x8", "abs", "neg", "q15mulr_sat_s", "all_true", "bitmask", "narrow_i32x4_s", "narrow_i32x4_u",
		"extend_low_i8x16_s", "extend_high_i8x16_s", "extend_low_i8x16_u", "extend_high_i8x16_u", "shl", "shr_s", "shr_u",
		"add", "add_sat_s", "add_sat_u", "sub", "sub_sat_s", "sub_sat_u")
	run(v+148, plain, "f64x2.nearest")
	typed(v+149, plain, "i16x8", "mul", "min_s", "min_u", "max_s", "max_u", "", "avgr_u",
		"extmul_low_i8x16_s", "extmul_high_i8x16_s", "extmul_low_i8x16_u", "extmul_high_i8x16_u")
	typed(v+160, plain, "i32x4", "abs", "neg", "", "all_true", "bitmask", "", "", "extend_low_i16x8_s", "extend_high_i16x8_s",
		"extend_low_i16x8_u", "extend_high_i16x8_u", "shl", "shr_s", "shr_u", "add", "", "", "sub", "", "", "", "mul",
		"min_s", "min_u", "max_s", "max_u", "dot_i16x8_s", "", "extmul_low_i16x8_s", "extmul_high_i16x8_s", "extmul_low_i16x8_u", "extmul_high_i16x8_u")
	typed(v+192, plain, "i64x2", "abs", "neg", "", "all_true", "bitmask", "", "", "extend_low_i32x4_s", "extend_high_i32x4_s",
		"extend_low_i32x4_u", "extend_high_i32x4_u", "shl", "shr_s", "shr_u", "add", "", "", "sub", "", "", "", "mul",
		"eq", "ne", "lt_s", "gt_s", "le_s", "ge_s", "extmul_low_i32x4_s", "extmul_high_i32x4_s", "extmul_low_i32x4_u", "extmul_high_i32x4_u")
	typed(v+224, plain, "f32x4", "abs", "neg", "", "sqrt", "add", "sub", "mul", "div", "min", "max", "pmin", "pmax")
	typed(v+236, plain, "f64x2", "abs", "neg", "", "sqrt", "add", "sub", "mul", "div", "min", "max", "pmin", "pmax")
	typed(v+248, plain, "i32x4", "trunc_sat_f32x4_s", "trunc_sat_f32x4_u")
	run(v+250, plain, "f32x4.convert_i32x4_s", "f32x4.convert_i32x4_u", "i32x4.trunc_sat_f64x2_s_zero", "i32x4.trunc_sat_f64x2_u_zero",
		"f64x2.convert_low_i32x4_s", "f64x2.convert_low_i32x4_u")
	return all
}()
