/* The tables of connects.bpf.c and how it counts in them; for that program only.
 *
 * Plain hashes: one that evicts would make counters run backwards. What finds no room counts in an
 * entry that stands for all of those, so that sums stay exact. */
#ifndef SOCKET_EXPORTER_CONNECT_MAPS_H
#define SOCKET_EXPORTER_CONNECT_MAPS_H

#include <bpf/bpf_endian.h>

#include "collectors/bpf/port_searches.h"

enum stage {
  OLDER,       /* was there before this program */
  OPENING,     /* SYN_SENT */
  CROSSING,    /* SYN_RECV: both ends sent a SYN, or there is only one end */
  OPEN,        /* ESTABLISHED */
  LEFT_BY_US,  /* we sent the first FIN */
  LEFT_BY_PEER /* the peer did, and we have not closed yet */
};

struct connection {
  struct sx_connect_key key;
  __u64 since; /* when its stage began */
  __u32 stage;
  __u32 is_bound; /* its port was chosen before connect() */
};

/* By the address of the struct sock. At most 48 MiB, taken as needed. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, SX_CONNECT_LIVE);
  __type(key, __u64);
  __type(value, struct connection);
} live SEC(".maps");

/* At most 4 MiB. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, SX_CONNECT_KEYS);
  __type(key, struct sx_connect_key);
  __type(value, struct sx_connect_counts);
} counts SEC(".maps");

/* At most 2 MiB. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, SX_CONNECT_DESTINATIONS);
  __type(key, struct sx_connect_destination);
  __type(value, struct sx_connect_times);
} times SEC(".maps");

__u64 lost;          /* connections that `live` had no room for */
__u64 older_closed;  /* connections that were there before this program, and ended since */
__u64 older_waiting; /* connections of that kind that `live` was given */

const struct sx_connect_counts no_counts = {};
const struct sx_connect_times no_times = {};

static __always_inline struct sx_connect_counts* counts_of(const struct sx_connect_key* key) {
  struct sx_connect_counts* found = find_or_add(&counts, key, &no_counts);
  if (found) return found;
  struct sx_connect_key rest = {.netns = key->netns};
  rest.netns.is_rest = 1;
  found = find_or_add(&counts, &rest, &no_counts);
  if (found) return found;
  rest.netns.cookie = 0;
  rest.netns.inode = 0;
  return bpf_map_lookup_elem(&counts, &rest);
}

static __always_inline struct sx_connect_times* times_of(const struct sx_connect_key* key) {
  struct sx_connect_destination destination = {.port = key->port};
  __builtin_memcpy(destination.address, key->address, sizeof destination.address);
  struct sx_connect_times* found = find_or_add(&times, &destination, &no_times);
  if (found) return found;
  __builtin_memset(&destination, 0, sizeof destination);
  return bpf_map_lookup_elem(&times, &destination);
}

#endif
