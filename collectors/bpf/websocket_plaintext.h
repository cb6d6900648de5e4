/* What a program gave to OpenSSL or got from it, in the memory of the program; for
 * websocket_tls.bpf.c only. */
#ifndef SOCKET_EXPORTER_WEBSOCKET_PLAINTEXT_H
#define SOCKET_EXPORTER_WEBSOCKET_PLAINTEXT_H

#include "collectors/bpf/websocket_part.h"

struct plaintext {
  __u64 address;
};

/* Of a part. */
struct bytes {
  __u64 address;
};

static __always_inline int find_bytes(struct bytes* bytes, const struct plaintext* plaintext,
                                      const struct part* part) {
  if (!plaintext) return 0;
  bytes->address = plaintext->address;
  return 1;
}

/* `count` is 1 to 64. */
static __always_inline long read_bytes(const struct bytes* bytes, __u32 offset, void* to,
                                       __u32 count) {
  return bpf_probe_read_user(to, count, (const void*)(bytes->address + offset));
}

#endif
