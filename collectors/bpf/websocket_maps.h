/* What is kept of connections and how it counts; for websockets.bpf.c and websocket_tls.bpf.c only.
 *
 * What finds no room in the table of counts counts in an entry that stands for all of those, so
 * that sums stay exact. */
#ifndef SOCKET_EXPORTER_WEBSOCKET_MAPS_H
#define SOCKET_EXPORTER_WEBSOCKET_MAPS_H

#include "collectors/bpf/histograms.h"
#include "collectors/bpf/kernel_types.h"
#include "collectors/bpf/websocket_head.h"

/* After the types that they work on. */
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

/* What is expected next of one direction. */
enum phase {
  SEARCH, /* of HTTP: a head, where a segment begins with one */
  GUESS,  /* the same, or frames: what came before is not known */
  HEAD,   /* of HTTP, from `next` on */
  PAUSE,  /* nothing, before the upgrade is granted */
  FRAMES
};

enum stage { UNASKED, ASKED, OPEN };

/* Whether its beginning, and whether its end was counted; moves on one CPU alone, and never back.
 */
enum life { BEFORE, ALIVE, AFTER };

/* One direction. Its positions are sequence numbers, made 64 bits wide. */
struct stream {
  struct sx_frames frames;
  struct sx_frames_seen seen;
  struct sx_head head;
  __u64 end;  /* of what was seen of it */
  __u32 busy; /* taken by a CPU */
  __u8 phase;
  __u8 guessed; /* segments since it began to guess frames; 0: it does not */
  __u8 fitting; /* of them, those that a frame ended with */
  __u8 is_desynced;
  __u8 has_data;
  __u8 has_holes;
};

struct connection {
  struct sx_websocket_key key;
  struct sx_websocket_place place; /* where that counts, as far as was known */
  __u64 opened_at;                 /* 0: not known */
  __u64 last_at;                   /* when there was data that was no close frame */
  __u64 silence;                   /* from then to the close frame */
  __u64 ping_at[2];                /* when the one without a pong yet was sent, by direction */
  __u64 request_at;
  __u32 close_code;
  __u32 life;
  __u8 closer; /* by the close frame */
  __u8 stage;
  __u8 is_client; /* the end that is on this host */
  __u8 is_new;    /* it was seen from its beginning */
  __u8 is_gone;
  __u8 unanswered; /* plain requests since there was an answer */
  struct stream streams[2];
};

/* Which slot a key has. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, SX_WEBSOCKET_KEYS);
  __type(key, struct sx_websocket_key);
  __type(value, struct sx_websocket_place);
} places SEC(".maps");

/* An array, since a look at it is no call: 1.5 MiB. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, SX_WEBSOCKET_KEYS);
  __type(key, __u32);
  __type(value, struct sx_websocket_slot);
} slots SEC(".maps");

/* Filled before the programs are attached, with all but that of the rest. */
struct {
  __uint(type, BPF_MAP_TYPE_STACK);
  __uint(max_entries, SX_WEBSOCKET_KEYS);
  __uint(key_size, 0);
  __uint(value_size, sizeof(__u32));
} free_slots SEC(".maps");

__u32 learns; /* server ports from handshakes */

/* Bits of ports; outside of any map a look at them is no call. */
__u32 server_ports[2048];
__u32 client_ports[2048];
__u32 granted_ports[2048]; /* of servers that have granted an upgrade */
__u32 learned_ports[2048]; /* of them, while they have a place */
__u32 proven_ports[2048];  /* of them, those with another handshake since their last turn */

__u32 learned[SX_WEBSOCKET_LEARNED]; /* the ports; 0: none */
__u32 turns;                         /* that those had to make room */

__u64 adopted, desynced, resynced, repaired, pool_exhausted, ports_refused, tags;
__u64 lost; /* connections that there was no memory for, and segments that no CPU got to */

const __u32 edges[SX_LIFETIME_BUCKETS - 1] = {SX_LIFETIME_EDGES};
const __u8 no_connection[sizeof(struct connection)] = {};

/* The compiler knows that a port has 16 bits; the verifier of some kernels has to be shown. */
static __always_inline int has_port(const __u32* ports, __u64 port) {
  asm volatile("" : "+r"(port));
  port &= 0xffff;
  return ports[port >> 5] >> (port & 31) & 1;
}

static __always_inline void set_port(__u32* ports, __u64 port) {
  asm volatile("" : "+r"(port));
  port &= 0xffff;
  __sync_fetch_and_or(&ports[port >> 5], 1U << (port & 31));
}

static __always_inline void clear_port(__u32* ports, __u64 port) {
  asm volatile("" : "+r"(port));
  port &= 0xffff;
  __sync_fetch_and_and(&ports[port >> 5], ~(1U << (port & 31)));
}

static __always_inline int is_server_port(__u64 port) {
  return has_port(server_ports, port) || has_port(learned_ports, port);
}

static __always_inline int add_place(struct sx_websocket_key* key,
                                     struct sx_websocket_place* place) {
  if (bpf_map_pop_elem(&free_slots, &place->slot)) return 0;
  struct sx_websocket_slot* slot = bpf_map_lookup_elem(&slots, &place->slot);
  if (!slot) return 0;
  place->tag = ADD(tags, 1) + 1;
  slot->tag = place->tag;
  if (!bpf_map_update_elem(&places, key, place, BPF_NOEXIST)) return 1;
  slot->tag = 0;
  bpf_map_push_elem(&free_slots, &place->slot, 0);
  return 0;
}

/* Where there is no room, that of the rest. */
__noinline int find_place(struct sx_websocket_key* key, struct sx_websocket_place* place) {
  if (!key || !place) return 0;
  struct sx_websocket_key own = *key; /* before Linux 6.2 maps take none from an argument */
  struct sx_websocket_place added = {};
  const struct sx_websocket_place* found = bpf_map_lookup_elem(&places, &own);
  if (!found && add_place(&own, &added)) found = &added;
  if (!found) found = bpf_map_lookup_elem(&places, &own); /* of another CPU */
  const struct sx_websocket_key rest = {.is_rest = 1};
  if (!found) found = bpf_map_lookup_elem(&places, &rest);
  if (found) *place = *found;
  return 0;
}

static __always_inline struct sx_websocket_counts* counts_of(struct sx_websocket_key* key,
                                                             struct sx_websocket_place* place) {
  __u32 index = place->slot;
  struct sx_websocket_slot* slot = bpf_map_lookup_elem(&slots, &index);
  if (slot && place->tag && slot->tag == place->tag) return &slot->counts;
  find_place(key, place);
  index = place->slot;
  slot = bpf_map_lookup_elem(&slots, &index);
  return slot ? &slot->counts : 0;
}

static __always_inline void add_lifetime(struct sx_lifetimes* into, __u64 nanoseconds) {
  const __u64 milliseconds = nanoseconds / 1000000;
  __u32 bucket = 0;
  while (bucket < SX_LIFETIME_BUCKETS - 1 && milliseconds > edges[bucket]) bucket++;
  ADD(into->milliseconds, milliseconds);
  ADD(into->buckets[bucket], 1);
}

static __always_inline void count_error(struct sx_websocket_key* key,
                                        struct sx_websocket_place* place,
                                        enum sx_websocket_error error) {
  struct sx_websocket_counts* counted = counts_of(key, place);
  if (counted) ADD(counted->errors[error], 1);
}

/* A sequence number next to where the stream is, made 64 bits wide. */
static __always_inline __u64 widen(const struct stream* s, __u32 number) {
  return s->end + (__s64)(__s32)(number - (__u32)s->end);
}

#endif
