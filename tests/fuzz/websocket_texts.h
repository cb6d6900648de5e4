#pragma once

#include <stddef.h>

#include "collectors/bpf/websockets.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What websocket_tls.bpf.c does with plaintext, here. One connection at a time: begins the next, of
 * whose handshake nothing is known where it was `found` open. */
void begin_texts(int is_client, int found);

/* The process read or wrote this. Ends the process where it is read beyond. */
void take_text(const unsigned char* text, size_t size, int is_written);

struct texts_count {
  struct sx_websocket_counts counts;
  __u32 close_code;
  __u64 desynced;
};
struct texts_count count_texts(void);

#ifdef __cplusplus
}
#endif
