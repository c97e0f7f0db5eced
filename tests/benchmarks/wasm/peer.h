// What a C programmer with SSE4.1 would write for the methods of native.Set, with the same bits. Each does
// its work n times over, as the WebAssembly that it is compared with.
#include <stdint.h>

void peer_gemm(int n, float *y, const float *x, const float *w, int rows, int in, int out);
void peer_columns(int n, float *y, const float *w, const int32_t *at, const float *a, int size, int events);
void peer_scale_shift(int n, float *y, const float *scale, const float *shift, int rows, int size);
void peer_mul_add(int n, float *y, const float *x, const float *w, int rows, int size);
void peer_relu(int n, float *y, int size);
void peer_silu(int n, float *y, int size);
void peer_gemm_int8(int n, int32_t *y, const uint8_t *x, const int8_t *w, int rows, int in, int out);
void peer_columns_int8(int n, int32_t *y, const int8_t *w, const int32_t *at, const int32_t *a, int size, int events);
void peer_requant(int n, uint8_t *y, const int32_t *x, const int32_t *bias, const int32_t *mult, int shift, int low, int zero, int rows, int size);
void peer_leak(int n, int32_t *y, const int32_t *x, const int32_t *decay, const int32_t *mult, int shift, int rows, int size);
void peer_add_int8(int n, uint8_t *y, const uint8_t *a, const uint8_t *b, int ma, int mb, int c, int shift, int low, int size);
