/* session.h for C, and for languages that call C. See there for what the values mean; they are the same. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SRDGAN_C_API __attribute__((visibility("default")))
#else
#define SRDGAN_C_API
#endif

/* Before version 1, any minor version may change the structures: compare with srdgan_version() after dlopen(). */
#define SRDGAN_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  SRDGAN_OK,
  SRDGAN_INVALID_ARGUMENT,
  SRDGAN_BAD_MODEL,
  SRDGAN_OUT_OF_MEMORY,
  SRDGAN_CANCELLED,
  SRDGAN_BUSY,
  SRDGAN_NOT_FINITE,
  SRDGAN_TOO_SLOW
};

enum {
  SRDGAN_RGB8,
  SRDGAN_BGR8,
  SRDGAN_RGBA8,
  SRDGAN_BGRA8,
  SRDGAN_RGB16,
  SRDGAN_BGR16,
  SRDGAN_RGB_FLOAT,
  SRDGAN_BGR_FLOAT,
  SRDGAN_RGB_PLANAR8,
  SRDGAN_RGB_PLANAR16,
  SRDGAN_RGB_PLANAR_FLOAT,
  SRDGAN_NV12,
  SRDGAN_NV21,
  SRDGAN_I420,
  SRDGAN_P010
};

enum { SRDGAN_BT601, SRDGAN_BT709, SRDGAN_BT2020 };
enum { SRDGAN_LIMITED_RANGE, SRDGAN_FULL_RANGE };
enum { SRDGAN_CENTRE_SITING, SRDGAN_LEFT_SITING };
enum { SRDGAN_FP32, SRDGAN_INT8, SRDGAN_BF16, SRDGAN_AUTO };

typedef struct srdgan_session srdgan_session;

typedef struct {
  int32_t code;
  char message[256];
} srdgan_status;

/* Calls job(data, i) once for each i of 0 .. count - 1, on any threads, and returns when all calls have returned. */
typedef void (*srdgan_job)(void* data, int64_t index);
typedef void (*srdgan_parallel_for)(void* user, int64_t count, srdgan_job job, void* data);

/* What `options` and `config` hold by default: srdgan_default_options, srdgan_default_config. */
typedef struct {
  int64_t threads;
  int64_t halo;
  int64_t border_padding;
  srdgan_parallel_for parallel_for; /* null: the session's own threads */
  void* user;                       /* its first argument */
  int32_t precision;
  const void* ranges; /* of int8; null: the file beside the model's */
  size_t ranges_bytes;
} srdgan_options;

typedef struct {
  int32_t matrix;
  int32_t range;
  int32_t siting;
} srdgan_yuv_colour;

typedef struct {
  int32_t input;
  int32_t output;
  int64_t width;
  int64_t height;
  int64_t region[4]; /* x, y, width, height; zeros: all of the picture */
  srdgan_yuv_colour input_colour;
  srdgan_yuv_colour output_colour;
  int64_t strip_rows;
  int32_t row_streaming; /* 0 or 1 */
  double max_latency_ms;
} srdgan_config;

typedef struct {
  const void* planes[3];
  int64_t strides[3];
} srdgan_const_image;

typedef struct {
  void* planes[3];
  int64_t strides[3];
} srdgan_image;

/* SRDGAN_VERSION of the library. */
SRDGAN_C_API const char* srdgan_version(void);

SRDGAN_C_API srdgan_options srdgan_default_options(void);
SRDGAN_C_API srdgan_config srdgan_default_config(void);

/* 0 or 1. */
SRDGAN_C_API int32_t srdgan_session_has_fast_int8(void);
SRDGAN_C_API int32_t srdgan_session_has_fast_bf16(void);

/* Null if there is no memory. */
SRDGAN_C_API srdgan_session* srdgan_session_create(void);
/* While no call of the session runs. */
SRDGAN_C_API void srdgan_session_destroy(srdgan_session* session);

/* These return the code of the status. `options` and `status` may be null. */
SRDGAN_C_API int32_t srdgan_session_open(srdgan_session* session, const char* path, const srdgan_options* options,
                                         srdgan_status* status);
SRDGAN_C_API int32_t srdgan_session_open_memory(srdgan_session* session, const void* file, size_t bytes,
                                                const srdgan_options* options, srdgan_status* status);
SRDGAN_C_API int32_t srdgan_session_configure(srdgan_session* session, const srdgan_config* config,
                                              srdgan_status* status);
SRDGAN_C_API int32_t srdgan_session_process(srdgan_session* session, const srdgan_const_image* input,
                                            const srdgan_image* output, srdgan_status* status);

/* `taken` and `written` must not be null. */
SRDGAN_C_API int32_t srdgan_session_push_rows(srdgan_session* session, const srdgan_const_image* rows, int64_t count,
                                              int64_t* taken, srdgan_status* status);
SRDGAN_C_API int32_t srdgan_session_pull_rows(srdgan_session* session, const srdgan_image* rows, int64_t count,
                                              int64_t* written, srdgan_status* status);
SRDGAN_C_API int32_t srdgan_session_restart_rows(srdgan_session* session, srdgan_status* status);
SRDGAN_C_API int64_t srdgan_session_finished_rows(const srdgan_session* session);
SRDGAN_C_API int64_t srdgan_session_latency_rows(const srdgan_session* session);

SRDGAN_C_API double srdgan_session_estimated_latency_ms(const srdgan_session* session);

SRDGAN_C_API void srdgan_session_cancel(srdgan_session* session);
SRDGAN_C_API int64_t srdgan_session_memory_bytes(const srdgan_session* session);
SRDGAN_C_API int64_t srdgan_session_scale(const srdgan_session* session);
SRDGAN_C_API int64_t srdgan_session_output_width(const srdgan_session* session);
SRDGAN_C_API int64_t srdgan_session_output_height(const srdgan_session* session);

#ifdef __cplusplus
}
#endif
