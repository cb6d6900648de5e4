/* What is read at a time; for websockets.bpf.c and websocket_tls.bpf.c only. */
#ifndef SOCKET_EXPORTER_WEBSOCKET_PART_H
#define SOCKET_EXPORTER_WEBSOCKET_PART_H

#include "collectors/bpf/websocket_maps.h"

#define IN_PACKET ~0U

/* A part of a stream, in the packet, in a chunk, or in the memory of a program. */
struct part {
  __u64 from;
  __u64 to;
  __u64 before; /* the end of the stream, as far as it was seen before */
  __u64 now;
  __u32 offset; /* where it begins there */
  __u32 chunk;
  __u32 direction;
  __u32 acknowledged; /* of the other direction */
};

/* `count` is 1 to `most`, a power of two: the verifier of Linux 6.1 has to be shown. */
static __always_inline __u32 show_range(__u32 count, __u32 most) {
  count--;
  asm volatile("" : "+r"(count));
  return (count & (most - 1)) + 1;
}

#endif
