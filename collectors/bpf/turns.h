/* What is known of a connection's turn, a request and its answer; for connects.bpf.c, which begins
 * and ends it, and responses.bpf.c, which follows it. */
#ifndef SOCKET_EXPORTER_TURNS_H
#define SOCKET_EXPORTER_TURNS_H

#include "collectors/bpf/connect_times.h"

enum talk {
  SILENT, /* the client has sent nothing */
  PLAIN,
  HELLO, /* a TLS client has said hello */
  TLS    /* and its handshake is over, or as good as */
};

/* Packets go out under the lock of their socket, but come in on any CPU at any time. */
struct turn {
  struct sx_connect_destination destination;
  __u32 talk;
  __u32 asked_end; /* sequence number after the last byte that was sent */
  __u32 heard_end; /* and after the last that had come when that was sent */
  __u64 asked_at;  /* when the request went out; 0: none is without an answer */
  __u64 hello_time;
  __u64 doubt_until; /* up to here data may be session tickets */
  __u64 in_doubt;    /* what the response time is if they were the answer; 0: there were none */
};

/* Of connections that go out. Some 400 bytes each, for as long as the socket is there. */
struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct turn);
} turns SEC(".maps");

static __always_inline void add_response(struct turn* turn, __u64 taken) {
  struct sx_connect_times* timed = times_of(&turn->destination);
  if (timed) add_time(&timed->histograms[SX_RESPONSE], taken);
}

/* Nothing more came: those in doubt were the answer. */
static __always_inline void end_turn(struct turn* turn) {
  if (!turn->in_doubt) return;
  const __u64 taken = __sync_lock_test_and_set(&turn->in_doubt, 0);
  turn->asked_at = 0;
  if (taken) add_response(turn, taken);
}

#endif
