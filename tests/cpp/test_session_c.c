/* The interface for C, compiled as C: a picture, its rows, errors, and the version. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/srdgan/session_c.h"

enum { SIDE = 12, SCALE = 4, PIXELS = SIDE * SIDE, RESULTS = SCALE * SCALE * PIXELS };

static int num_failures = 0;

static void check(int condition, const char* what) {
  if (condition) return;
  printf("failed: %s\n", what);
  ++num_failures;
}

int main(int argc, char** argv) {
  static unsigned char pixels[3 * PIXELS], whole[3 * RESULTS], rows[3 * RESULTS];
  srdgan_status status;
  srdgan_config config = srdgan_default_config();
  const srdgan_const_image input = {{pixels, NULL, NULL}, {0, 0, 0}};
  const srdgan_image output = {{whole, NULL, NULL}, {0, 0, 0}}, row_output = {{rows, NULL, NULL}, {0, 0, 0}};
  int64_t taken = 0, written = 0;
  srdgan_session* session = srdgan_session_create();
  int i;

  check(argc == 2, "usage: test_session_c MODEL");
  if (argc != 2) return 1;
  check(strcmp(srdgan_version(), SRDGAN_VERSION) == 0, "the library is of the header's version");
  for (i = 0; i < 3 * PIXELS; ++i) pixels[i] = (unsigned char)(i * 37 % 256);
  check(session != NULL, "create");
  check(srdgan_session_open(session, "/nowhere", NULL, &status) == SRDGAN_BAD_MODEL, "a missing file");
  check(strstr(status.message, "/nowhere: ") != NULL, status.message);
  check(srdgan_session_open(session, argv[1], NULL, &status) == SRDGAN_OK, status.message);
  check(srdgan_session_scale(session) == SCALE, "scale");
  config.width = config.height = SIDE;
  config.row_streaming = 1;
  check(srdgan_session_configure(session, &config, &status) == SRDGAN_OK, status.message);
  check(srdgan_session_process(session, &input, &output, &status) == SRDGAN_OK, status.message);
  check(srdgan_session_push_rows(session, &input, SIDE, &taken, &status) == SRDGAN_OK, status.message);
  check(taken == SIDE, "all rows are taken");
  check(srdgan_session_pull_rows(session, &row_output, SCALE * SIDE, &written, &status) == SRDGAN_OK, status.message);
  check(written == SCALE * SIDE && memcmp(whole, rows, sizeof(whole)) == 0, "rows give the same bits");
  check(srdgan_session_process(session, &input, NULL, &status) == SRDGAN_INVALID_ARGUMENT, "null");
  check(strcmp(status.message, "output must not be null") == 0, status.message);
  srdgan_session_destroy(session);
  printf("%d failures\n", num_failures);
  return num_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
