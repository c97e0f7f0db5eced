//go:build linux && amd64

#include <smmintrin.h>
#include "peer.h"

#define INLINE static inline __attribute__((always_inline))

// Sums of rows x vectors in registers. Of the shapes tried (2x4, 2x5, 3x3, 3x4, 4x2; 8, 10 and 12
// vectors for one row) those below are the fastest on a Xeon with AMX (Sapphire Rapids).
INLINE void block(const int rows, const int vectors, float *y, const float *x, const float *w, int in, int out) {
	__m128 sum[4][8];
	for (int r = 0; r < rows; r++)
		for (int v = 0; v < vectors; v++)
			sum[r][v] = _mm_loadu_ps(y + r * out + 4 * v);
	for (int i = 0; i < in; i++, w += out) {
		__m128 s[4];
		for (int r = 0; r < rows; r++)
			s[r] = _mm_load1_ps(x + r * in + i);
		for (int v = 0; v < vectors; v++) {
			__m128 wv = _mm_loadu_ps(w + 4 * v);
			for (int r = 0; r < rows; r++)
				sum[r][v] = _mm_add_ps(sum[r][v], _mm_mul_ps(wv, s[r]));
		}
	}
	for (int r = 0; r < rows; r++)
		for (int v = 0; v < vectors; v++)
			_mm_storeu_ps(y + r * out + 4 * v, sum[r][v]);
}

INLINE void row_block(const int rows, const int vectors, float *y, const float *x, const float *w, int in, int out) {
	int o = 0;
	for (; o + 4 * vectors <= out; o += 4 * vectors)
		block(rows, vectors, y + o, x, w + o, in, out);
	for (; o + 16 <= out; o += 16)
		block(rows, 4, y + o, x, w + o, in, out);
	for (; o + 8 <= out; o += 8)
		block(rows, 2, y + o, x, w + o, in, out);
	for (; o + 4 <= out; o += 4)
		block(rows, 1, y + o, x, w + o, in, out);
	for (; o < out; o++)
		for (int r = 0; r < rows; r++)
			for (int i = 0; i < in; i++)
				y[r * out + o] += x[r * in + i] * w[i * out + o];
}

void hand_gemm(int n, float *y, const float *x, const float *w, int rows, int in, int out) {
	for (; n > 0; n--) {
		int r = 0;
		for (; r + 3 <= rows; r += 3)
			row_block(3, 4, y + r * out, x + r * in, w, in, out);
		for (; r < rows; r++)
			row_block(1, 8, y + r * out, x + r * in, w, in, out);
	}
}

INLINE void columns_block(const int vectors, float *y, const float *w, const int32_t *at, const float *a, int events) {
	__m128 sum[8];
	for (int v = 0; v < vectors; v++)
		sum[v] = _mm_loadu_ps(y + 4 * v);
	for (int e = 0; e < events; e++) {
		const float *we = w + at[e];
		__m128 s = _mm_load1_ps(a + e);
		for (int v = 0; v < vectors; v++)
			sum[v] = _mm_add_ps(sum[v], _mm_mul_ps(_mm_loadu_ps(we + 4 * v), s));
	}
	for (int v = 0; v < vectors; v++)
		_mm_storeu_ps(y + 4 * v, sum[v]);
}

void hand_columns(int n, float *y, const float *w, const int32_t *at, const float *a, int size, int events) {
	for (; n > 0; n--) {
		int j = 0;
		for (; j + 32 <= size; j += 32)
			columns_block(8, y + j, w + j, at, a, events);
		for (; j + 8 <= size; j += 8)
			columns_block(2, y + j, w + j, at, a, events);
		for (; j + 4 <= size; j += 4)
			columns_block(1, y + j, w + j, at, a, events);
		for (; j < size; j++)
			for (int e = 0; e < events; e++)
				y[j] += a[e] * w[at[e] + j];
	}
}

// The compiler makes vectors of these loops.

void hand_scale_shift(int n, float *restrict y, const float *restrict scale, const float *restrict shift, int rows, int size) {
	for (; n > 0; n--)
		for (int r = 0; r < rows; r++)
			for (int j = 0; j < size; j++)
				y[r * size + j] = y[r * size + j] * scale[j] + shift[j];
}

void hand_mul_add(int n, float *restrict y, const float *restrict x, const float *restrict w, int rows, int size) {
	for (; n > 0; n--)
		for (int r = 0; r < rows; r++)
			for (int j = 0; j < size; j++)
				y[r * size + j] += x[r * size + j] * w[j];
}

void hand_relu(int n, float *y, int size) {
	for (; n > 0; n--) {
		int j = 0;
		for (; j + 4 <= size; j += 4)
			_mm_storeu_ps(y + j, _mm_max_ps(_mm_loadu_ps(y + j), _mm_setzero_ps()));
		for (; j < size; j++)
			y[j] = y[j] > 0 ? y[j] : 0;
	}
}

// exp of x, as native/activation.go explains it.
INLINE __m128 exp_ps(__m128 x) {
	const __m128 bias = _mm_set1_ps(12582912 + 127);
	__m128 sum = _mm_add_ps(_mm_mul_ps(x, _mm_set1_ps(1.44269504f)), bias);
	__m128 k = _mm_sub_ps(sum, bias), power = _mm_castsi128_ps(_mm_slli_epi32(_mm_castps_si128(sum), 23));
	__m128 r = _mm_sub_ps(_mm_sub_ps(x, _mm_mul_ps(k, _mm_set1_ps(0.693359375f))), _mm_mul_ps(k, _mm_set1_ps(-2.12194440e-4f)));
	__m128 square = _mm_mul_ps(r, r);
	__m128 q = _mm_add_ps(_mm_mul_ps(_mm_add_ps(_mm_mul_ps(_mm_set1_ps(0x1.10627ap-7f), r), _mm_set1_ps(0x1.572a06p-5f)), square),
		_mm_add_ps(_mm_mul_ps(_mm_set1_ps(0x1.5557aep-3f), r), _mm_set1_ps(0x1.fffdfcp-2f)));
	q = _mm_add_ps(_mm_mul_ps(q, square), r);
	return _mm_mul_ps(_mm_add_ps(q, _mm_set1_ps(1)), power);
}

// size is a multiple of 4.
void hand_silu(int n, float *y, int size) {
	const __m128 zero = _mm_setzero_ps(), one = _mm_set1_ps(1);
	for (; n > 0; n--)
		for (int j = 0; j < size; j += 4) {
			__m128 x = _mm_max_ps(_mm_set1_ps(-89), _mm_loadu_ps(y + j));
			__m128 e = exp_ps(_mm_max_ps(_mm_set1_ps(-88), _mm_sub_ps(zero, x)));
			_mm_storeu_ps(y + j, _mm_add_ps(_mm_div_ps(x, _mm_add_ps(one, e)), zero));
		}
}
