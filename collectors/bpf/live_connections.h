/* The connections that are followed, which connects.bpf.c begins and ends and responses.bpf.c uses;
 * for those only. */
#ifndef SOCKET_EXPORTER_LIVE_CONNECTIONS_H
#define SOCKET_EXPORTER_LIVE_CONNECTIONS_H

#include "collectors/bpf/connect_times.h"
#include "collectors/bpf/turns.h"

#define PLACES_BITS 14

enum stage {
  OLDER,       /* was there before this program */
  OPENING,     /* SYN_SENT */
  CROSSING,    /* SYN_RECV: both ends sent a SYN, or there is only one end */
  OPEN,        /* ESTABLISHED */
  LEFT_BY_US,  /* we sent the first FIN */
  LEFT_BY_PEER /* the peer did, and we have not closed yet */
};

enum talk {
  SILENT, /* the client has sent nothing */
  PLAIN,
  HELLO, /* a TLS client has said hello */
  TLS    /* and its handshake is over, or as good as */
};

struct connection {
  struct sx_connect_key key;
  __u64 since;        /* when its stage began */
  __u32 pid;          /* that called connect(), in the first pid namespace */
  __be16 port_before; /* that of the socket before connect() looked for one */
  __u8 stage : 7;
  __u8 is_bound : 1; /* its port was chosen before connect() */

  /* Its requests and answers. */
  __u8 talk;
  __u32 asked_end; /* sequence number after the last byte that was sent */
  __u32 heard_end; /* and after the last that had come when that was sent */
  struct sx_turn turn;
  __u64 doubt_until; /* up to here data may be session tickets */
};

/* Where a connection is unless another is there already. To add it to a hash and delete it there
 * would take most of the time that following it does. */
struct place {
  __u64 address;   /* of the struct sock; 0: it is free */
  __u64 elsewhere; /* how many connections that belong here are in `crowd` */
  struct connection connection;
};

/* By a hash of the address. 2 MiB. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1 << PLACES_BITS);
  __type(key, __u32);
  __type(value, struct place);
} places SEC(".maps");

/* By the address. At most 48 MiB, taken as needed. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, SX_CONNECT_LIVE);
  __type(key, __u64);
  __type(value, struct connection);
} crowd SEC(".maps");

/* Of what the verifier knows as a pointer it lets the lower half be a number, if copied so. */
static __always_inline __u32 lower_half(const void* pointer) {
  __u32 half;
  asm("%0 = %1" : "=w"(half) : "w"((__u32)(long)pointer));
  return half;
}

static __always_inline struct place* place_of(const void* sk) {
  /* Fibonacci hashing */
  const __u32 index = lower_half(sk) * 0x9e3779b1U >> (32 - PLACES_BITS);
  return bpf_map_lookup_elem(&places, &index);
}

static __always_inline struct connection* connection_of(const void* sk) {
  struct place* place = place_of(sk);
  if (!place) return 0;
  if (place->address == (__u64)sk) return &place->connection;
  return place->elsewhere ? bpf_map_lookup_elem(&crowd, &sk) : 0;
}

/* These return whether there was room for one of a socket that has none. */
static __always_inline int add_to_crowd(const void* sk, const struct connection* c) {
  struct place* place = place_of(sk);
  if (!place) return 0;
  ADD(place->elsewhere, 1); /* first, so that its end, on another CPU, finds it */
  if (!bpf_map_update_elem(&crowd, &sk, c, BPF_NOEXIST)) return 1;
  ADD(place->elsewhere, -1);
  return 0;
}

static __always_inline int add(const void* sk, const struct connection* c) {
  struct place* place = place_of(sk);
  if (!place || !__sync_bool_compare_and_swap(&place->address, 0, (__u64)sk)) {
    return add_to_crowd(sk, c);
  }
  place->connection = *c;
  return 1;
}

static __always_inline void drop(const void* sk) {
  struct connection* c = connection_of(sk);
  struct place* place = place_of(sk);
  if (!c || !place) return;
  if (c->turn.asked_at) end_turn(&c->turn); /* before another one is there */
  if (c == &place->connection) {
    __sync_lock_test_and_set(&place->address, 0); /* after the last use of what is there */
  } else if (!bpf_map_delete_elem(&crowd, &sk)) {
    ADD(place->elsewhere, -1);
  }
}

static __always_inline void add_response(const struct sx_connect_destination* destination,
                                         __u64 taken) {
  struct sx_connect_times* timed = times_of(destination);
  if (timed) add_time(&timed->histograms[SX_RESPONSE], taken);
}

/* Nothing more came: those in doubt were the answer. */
static __always_inline void end_talk(struct connection* c) {
  if (c->talk != TLS || !c->turn.asked_at) return;
  const __u64 taken = end_turn(&c->turn);
  if (taken) add_response(&c->key.destination, taken);
}

#endif
