// What a C programmer would write for the methods of native.Set, with the same bits: by hand with the instructions of SSE4.1
// (peer_f32.c, peer_int8.c), and plainly, for the compiler to make vectors of (peer_plain.c). Each does
// its work n times over, as the WebAssembly that it is compared with.
#include <stdint.h>

void hand_gemm(int n, float *y, const float *x, const float *w, int rows, int in, int out);
void plain_gemm(int n, float *y, const float *x, const float *w, int rows, int in, int out);
static inline void peer_gemm(int plain, int n, float *y, const float *x, const float *w, int rows, int in, int out) { (plain ? plain_gemm : hand_gemm)(n, y, x, w, rows, in, out); }

void hand_columns(int n, float *y, const float *w, const int32_t *at, const float *a, int size, int events);
void plain_columns(int n, float *y, const float *w, const int32_t *at, const float *a, int size, int events);
static inline void peer_columns(int plain, int n, float *y, const float *w, const int32_t *at, const float *a, int size, int events) { (plain ? plain_columns : hand_columns)(n, y, w, at, a, size, events); }

void hand_scale_shift(int n, float *y, const float *scale, const float *shift, int rows, int size);
void plain_scale_shift(int n, float *y, const float *scale, const float *shift, int rows, int size);
static inline void peer_scale_shift(int plain, int n, float *y, const float *scale, const float *shift, int rows, int size) { (plain ? plain_scale_shift : hand_scale_shift)(n, y, scale, shift, rows, size); }

void hand_mul_add(int n, float *y, const float *x, const float *w, int rows, int size);
void plain_mul_add(int n, float *y, const float *x, const float *w, int rows, int size);
static inline void peer_mul_add(int plain, int n, float *y, const float *x, const float *w, int rows, int size) { (plain ? plain_mul_add : hand_mul_add)(n, y, x, w, rows, size); }

void hand_relu(int n, float *y, int size);
void plain_relu(int n, float *y, int size);
static inline void peer_relu(int plain, int n, float *y, int size) { (plain ? plain_relu : hand_relu)(n, y, size); }

void hand_silu(int n, float *y, int size);
void plain_silu(int n, float *y, int size);
static inline void peer_silu(int plain, int n, float *y, int size) { (plain ? plain_silu : hand_silu)(n, y, size); }

void hand_gemm_int8(int n, int32_t *y, const uint8_t *x, const int8_t *w, int rows, int in, int out);
void plain_gemm_int8(int n, int32_t *y, const uint8_t *x, const int8_t *w, int rows, int in, int out);
static inline void peer_gemm_int8(int plain, int n, int32_t *y, const uint8_t *x, const int8_t *w, int rows, int in, int out) { (plain ? plain_gemm_int8 : hand_gemm_int8)(n, y, x, w, rows, in, out); }

void hand_columns_int8(int n, int32_t *y, const int8_t *w, const int32_t *at, const int32_t *a, int size, int events);
void plain_columns_int8(int n, int32_t *y, const int8_t *w, const int32_t *at, const int32_t *a, int size, int events);
static inline void peer_columns_int8(int plain, int n, int32_t *y, const int8_t *w, const int32_t *at, const int32_t *a, int size, int events) { (plain ? plain_columns_int8 : hand_columns_int8)(n, y, w, at, a, size, events); }

void hand_requant(int n, uint8_t *y, const int32_t *x, const int32_t *bias, const int32_t *mult, int shift, int low, int zero, int rows, int size);
void plain_requant(int n, uint8_t *y, const int32_t *x, const int32_t *bias, const int32_t *mult, int shift, int low, int zero, int rows, int size);
static inline void peer_requant(int plain, int n, uint8_t *y, const int32_t *x, const int32_t *bias, const int32_t *mult, int shift, int low, int zero, int rows, int size) { (plain ? plain_requant : hand_requant)(n, y, x, bias, mult, shift, low, zero, rows, size); }

void hand_leak(int n, int32_t *y, const int32_t *x, const int32_t *decay, const int32_t *mult, int shift, int rows, int size);
void plain_leak(int n, int32_t *y, const int32_t *x, const int32_t *decay, const int32_t *mult, int shift, int rows, int size);
static inline void peer_leak(int plain, int n, int32_t *y, const int32_t *x, const int32_t *decay, const int32_t *mult, int shift, int rows, int size) { (plain ? plain_leak : hand_leak)(n, y, x, decay, mult, shift, rows, size); }

void hand_add_int8(int n, uint8_t *y, const uint8_t *a, const uint8_t *b, int ma, int mb, int c, int shift, int low, int size);
void plain_add_int8(int n, uint8_t *y, const uint8_t *a, const uint8_t *b, int ma, int mb, int c, int shift, int low, int size);
static inline void peer_add_int8(int plain, int n, uint8_t *y, const uint8_t *a, const uint8_t *b, int ma, int mb, int c, int shift, int low, int size) { (plain ? plain_add_int8 : hand_add_int8)(n, y, a, b, ma, mb, c, shift, low, size); }
