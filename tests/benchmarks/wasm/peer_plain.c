//go:build linux && amd64

#include <string.h>
#include "peer.h"

void plain_gemm(int n, float *restrict y, const float *restrict x, const float *restrict w, int rows, int in, int out) {
	for (; n > 0; n--)
		for (int r = 0; r < rows; r++)
			for (int i = 0; i < in; i++)
				for (int o = 0; o < out; o++)
					y[r * out + o] += x[r * in + i] * w[i * out + o];
}

void plain_columns(int n, float *restrict y, const float *restrict w, const int32_t *restrict at, const float *restrict a, int size, int events) {
	for (; n > 0; n--)
		for (int e = 0; e < events; e++)
			for (int j = 0; j < size; j++)
				y[j] += a[e] * w[at[e] + j];
}

void plain_scale_shift(int n, float *restrict y, const float *restrict scale, const float *restrict shift, int rows, int size) {
	for (; n > 0; n--)
		for (int r = 0; r < rows; r++)
			for (int j = 0; j < size; j++)
				y[r * size + j] = y[r * size + j] * scale[j] + shift[j];
}

void plain_mul_add(int n, float *restrict y, const float *restrict x, const float *restrict w, int rows, int size) {
	for (; n > 0; n--)
		for (int r = 0; r < rows; r++)
			for (int j = 0; j < size; j++)
				y[r * size + j] += x[r * size + j] * w[j];
}

void plain_relu(int n, float *y, int size) {
	for (; n > 0; n--)
		for (int j = 0; j < size; j++)
			y[j] = y[j] > 0 ? y[j] : 0;
}

// See native/activation.go.
void plain_silu(int n, float *y, int size) {
	const float bias = 12582912 + 127;
	for (; n > 0; n--)
		for (int j = 0; j < size; j++) {
			float x = y[j] < -88 ? -88 : y[j], z = 0 - x < -88 ? -88 : 0 - x;
			float sum = z * 1.44269504f + bias, k = sum - bias, power;
			uint32_t bits;
			memcpy(&bits, &sum, 4);
			bits <<= 23;
			memcpy(&power, &bits, 4);
			float r = (z - k * 0.693359375f) - k * -2.12194440e-4f, square = r * r;
			float q = (0x1.10627ap-7f * r + 0x1.572a06p-5f) * square + (0x1.5557aep-3f * r + 0x1.fffdfcp-2f);
			y[j] = x / (1 + ((q * square + r) + 1) * power) + 0;
		}
}

void plain_gemm_int8(int n, int32_t *restrict y, const uint8_t *restrict x, const int8_t *restrict w, int rows, int in, int out) {
	for (; n > 0; n--)
		for (int r = 0; r < rows; r++)
			for (int i = 0; i < in; i += 4) // [quad][output][4]
				for (int o = 0; o < out; o++) {
					const int8_t *v = w + i * out + 4 * o;
					const uint8_t *u = x + r * in + i;
					y[r * out + o] += u[0] * v[0] + u[1] * v[1] + u[2] * v[2] + u[3] * v[3];
				}
}

void plain_columns_int8(int n, int32_t *restrict y, const int8_t *restrict w, const int32_t *restrict at, const int32_t *restrict a, int size, int events) {
	for (; n > 0; n--)
		for (int e = 0; e < events; e++)
			for (int j = 0; j < size; j++)
				y[j] += a[e] * w[at[e] + j];
}

static inline int64_t scaled(int32_t v, int32_t mult, int shift) { return ((int64_t)v * mult + ((int64_t)1 << (shift - 1))) >> shift; }

void plain_requant(int n, uint8_t *restrict y, const int32_t *restrict x, const int32_t *restrict bias, const int32_t *restrict mult, int shift, int low, int zero, int rows, int size) {
	for (; n > 0; n--)
		for (int r = 0; r < rows; r++)
			for (int j = 0; j < size; j++) {
				int64_t v = zero + scaled(x[r * size + j] + bias[j], mult[j], shift);
				y[r * size + j] = v < low ? low : v > 255 ? 255 : v;
			}
}

void plain_leak(int n, int32_t *restrict y, const int32_t *restrict x, const int32_t *restrict decay, const int32_t *restrict mult, int shift, int rows, int size) {
	for (; n > 0; n--)
		for (int r = 0; r < rows; r++)
			for (int j = 0; j < size; j++) {
				int64_t v = scaled(y[r * size + j], decay[j], 31) + scaled(x[r * size + j], mult[j], shift);
				y[r * size + j] = v < INT32_MIN ? INT32_MIN : v > INT32_MAX ? INT32_MAX : v;
			}
}

void plain_add_int8(int n, uint8_t *y, const uint8_t *a, const uint8_t *b, int ma, int mb, int c, int shift, int low, int size) {
	for (; n > 0; n--)
		for (int j = 0; j < size; j++) {
			int v = (a[j] * ma + b[j] * mb + c) >> shift;
			y[j] = v < low ? low : v > 255 ? 255 : v;
		}
}
