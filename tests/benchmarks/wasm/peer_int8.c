//go:build linux && amd64

#include <smmintrin.h>
#include <string.h>
#include "peer.h"

#define INLINE static inline __attribute__((always_inline))

enum { quads = 512 };
#ifndef PEER_ROWS
#define PEER_ROWS 3
#endif

// The quads of the rows' inputs, twice side by side in 16 bits.
INLINE void spread(const int rows, __m128i *to, const uint8_t *x, int in, int k) {
	for (int r = 0; r < rows; r++)
		for (int q = 0; q < k; q++) {
			int32_t v;
			memcpy(&v, x + r * in + 4 * q, 4);
			to[q * rows + r] = _mm_cvtepu8_epi16(_mm_set1_epi32(v));
		}
}

// Partial sums of two outputs in each vector: pmaddwd of widened bytes (pmaddubsw would saturate).
INLINE void block(const int rows, const int vectors, int32_t *y, const __m128i *x, const int8_t *w, int k, int out) {
	__m128i sum[4][8];
	for (int r = 0; r < rows; r++)
		for (int v = 0; v < vectors; v++)
			sum[r][v] = _mm_setzero_si128();
	for (int q = 0; q < k; q++, w += 4 * out, x += rows)
		for (int v = 0; v < vectors; v++) {
			__m128i wv = _mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)(w + 8 * v)));
			for (int r = 0; r < rows; r++)
				sum[r][v] = _mm_add_epi32(sum[r][v], _mm_madd_epi16(wv, x[r]));
		}
	for (int r = 0; r < rows; r++)
		for (int v = 0; v < vectors; v += 2) {
			__m128i *at = (__m128i *)(y + r * out + 2 * v);
			_mm_storeu_si128(at, _mm_add_epi32(_mm_loadu_si128(at), _mm_hadd_epi32(sum[r][v], sum[r][v + 1])));
		}
}

INLINE void row_block(const int rows, const int vectors, int32_t *y, const uint8_t *x, const int8_t *w, int in, int out) {
	__m128i wide[4 * quads];
	for (int q = 0; q < in / 4; q += quads) {
		int k = in / 4 - q < quads ? in / 4 - q : quads;
		spread(rows, wide, x + 4 * q, in, k);
		for (int o = 0; o < out; o += 2 * vectors)
			block(rows, vectors, y + o, wide, w + 4 * (q * out + o), k, out);
	}
}

void hand_gemm_int8(int n, int32_t *y, const uint8_t *x, const int8_t *w, int rows, int in, int out) {
	for (; n > 0; n--) {
		int r = 0;
		for (; r + PEER_ROWS <= rows; r += PEER_ROWS)
			row_block(PEER_ROWS, 4, y + r * out, x + r * in, w, in, out);
		for (; r < rows; r++)
			row_block(1, 8, y + r * out, x + r * in, w, in, out);
	}
}

INLINE void columns_block(const int vectors, int32_t *y, const int8_t *w, const int32_t *at, __m128i a, int events) {
	__m128i sum[8];
	for (int v = 0; v < vectors; v++)
		sum[v] = _mm_setzero_si128();
	for (int e = 0; e < events; e++)
		for (int v = 0; v < vectors; v++)
			sum[v] = _mm_add_epi16(sum[v], _mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)(w + at[e] + 8 * v))));
	for (int v = 0; v < vectors; v++) {
		__m128i *to = (__m128i *)(y + 8 * v);
		_mm_storeu_si128(to, _mm_add_epi32(_mm_loadu_si128(to), _mm_mullo_epi32(a, _mm_cvtepi16_epi32(sum[v]))));
		_mm_storeu_si128(to + 1, _mm_add_epi32(_mm_loadu_si128(to + 1), _mm_mullo_epi32(a, _mm_cvtepi16_epi32(_mm_srli_si128(sum[v], 8)))));
	}
}

void hand_columns_int8(int n, int32_t *y, const int8_t *w, const int32_t *at, const int32_t *a, int size, int events) {
	for (; n > 0; n--)
		for (int from = 0, to; from < events; from = to) {
			for (to = from + 1; to < events && to - from < 256 && a[to] == a[from];)
				to++;
			__m128i f = _mm_set1_epi32(a[from]);
			int j = 0;
			for (; j + 64 <= size; j += 64)
				columns_block(8, y + j, w + j, at + from, f, to - from);
			for (; j + 16 <= size; j += 16)
				columns_block(2, y + j, w + j, at + from, f, to - from);
			for (; j + 8 <= size; j += 8)
				columns_block(1, y + j, w + j, at + from, f, to - from);
			for (; j < size; j++) {
				int32_t s = 0;
				for (int e = from; e < to; e++)
					s += w[at[e] + j];
				y[j] += a[from] * s;
			}
		}
}

// (v*m + half) >> shift of lanes 0 and 2, whose results are within 32 bits: the sign bit is flipped for a
// shift that SSE has, and back.
INLINE __m128i scaled(__m128i v, __m128i m, __m128i half, __m128i shift, __m128i back) {
	return _mm_sub_epi64(_mm_srl_epi64(_mm_add_epi64(_mm_mul_epi32(v, m), half), shift), back);
}

INLINE __m128i scaled4(__m128i v, __m128i m, __m128i half, __m128i shift, __m128i back) {
	__m128i even = scaled(v, m, half, shift, back), odd = scaled(_mm_srli_epi64(v, 32), _mm_srli_epi64(m, 32), half, shift, back);
	return _mm_blend_epi16(even, _mm_slli_epi64(odd, 32), 0xcc);
}

// shift is at least 31.
void hand_requant(int n, uint8_t *y, const int32_t *x, const int32_t *bias, const int32_t *mult, int shift, int low, int zero, int rows, int size) {
	const __m128i half = _mm_set1_epi64x((int64_t)((uint64_t)1 << 63 | (uint64_t)1 << (shift - 1))), back = _mm_set1_epi64x((int64_t)1 << (63 - shift));
	const __m128i count = _mm_cvtsi32_si128(shift), zeros = _mm_set1_epi16(zero), lows = _mm_set1_epi8(low);
	for (; n > 0; n--)
		for (int r = 0; r < rows; r++) {
			int j = 0;
			for (; j + 8 <= size; j += 8) {
				__m128i v[2];
				for (int i = 0; i < 2; i++) {
					int at = j + 4 * i;
					__m128i s = _mm_add_epi32(_mm_loadu_si128((const __m128i *)(x + r * size + at)), _mm_loadu_si128((const __m128i *)(bias + at)));
					v[i] = scaled4(s, _mm_loadu_si128((const __m128i *)(mult + at)), half, count, back);
				}
				__m128i b = _mm_adds_epi16(_mm_packs_epi32(v[0], v[1]), zeros);
				_mm_storel_epi64((__m128i *)(y + r * size + j), _mm_max_epu8(_mm_packus_epi16(b, b), lows));
			}
			for (; j < size; j++) {
				int64_t v = zero + (((int64_t)(x[r * size + j] + bias[j]) * mult[j] + ((int64_t)1 << (shift - 1))) >> shift);
				y[r * size + j] = v < low ? low : v > 255 ? 255 : v;
			}
		}
}

// shift is at least 31.
void hand_leak(int n, int32_t *y, const int32_t *x, const int32_t *decay, const int32_t *mult, int shift, int rows, int size) {
	const int64_t sign = INT64_MIN;
	const __m128i half = _mm_set1_epi64x(sign | (int64_t)1 << (shift - 1)), back = _mm_set1_epi64x((int64_t)1 << (63 - shift)), count = _mm_cvtsi32_si128(shift);
	const __m128i half31 = _mm_set1_epi64x(sign | (int64_t)1 << 30), back31 = _mm_set1_epi64x((int64_t)1 << 32), count31 = _mm_cvtsi32_si128(31);
	for (; n > 0; n--)
		for (int r = 0; r < rows; r++) {
			int j = 0;
			for (; j + 4 <= size; j += 4) {
				__m128i *to = (__m128i *)(y + r * size + j);
				__m128i a = scaled4(_mm_loadu_si128(to), _mm_loadu_si128((const __m128i *)(decay + j)), half31, count31, back31);
				__m128i b = scaled4(_mm_loadu_si128((const __m128i *)(x + r * size + j)), _mm_loadu_si128((const __m128i *)(mult + j)), half, count, back);
				__m128i s = _mm_add_epi32(a, b), over = _mm_and_si128(_mm_xor_si128(a, s), _mm_xor_si128(b, s));
				__m128i limit = _mm_xor_si128(_mm_srai_epi32(a, 31), _mm_set1_epi32(INT32_MAX));
				_mm_storeu_si128(to, _mm_castps_si128(_mm_blendv_ps(_mm_castsi128_ps(s), _mm_castsi128_ps(limit), _mm_castsi128_ps(over))));
			}
			for (; j < size; j++) {
				int64_t v = (((int64_t)y[r * size + j] * decay[j] + (1 << 30)) >> 31) +
					(((int64_t)x[r * size + j] * mult[j] + ((int64_t)1 << (shift - 1))) >> shift);
				y[r * size + j] = v < INT32_MIN ? INT32_MIN : v > INT32_MAX ? INT32_MAX : v;
			}
		}
}

// size is a multiple of 8.
void hand_add_int8(int n, uint8_t *y, const uint8_t *a, const uint8_t *b, int ma, int mb, int c, int shift, int low, int size) {
	const __m128i mas = _mm_set1_epi32(ma), mbs = _mm_set1_epi32(mb), cs = _mm_set1_epi32(c), lows = _mm_set1_epi8(low), count = _mm_cvtsi32_si128(shift);
	for (; n > 0; n--)
		for (int j = 0; j < size; j += 8) {
			__m128i v[2];
			for (int i = 0; i < 2; i++) {
				int32_t a4, b4;
				memcpy(&a4, a + j + 4 * i, 4);
				memcpy(&b4, b + j + 4 * i, 4);
				__m128i s = _mm_add_epi32(_mm_mullo_epi32(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(a4)), mas), _mm_mullo_epi32(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(b4)), mbs));
				v[i] = _mm_sra_epi32(_mm_add_epi32(s, cs), count);
			}
			__m128i p = _mm_packs_epi32(v[0], v[1]);
			_mm_storel_epi64((__m128i *)(y + j), _mm_max_epu8(_mm_packus_epi16(p, p), lows));
		}
}
