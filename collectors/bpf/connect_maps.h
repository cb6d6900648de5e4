/* The tables of connects.bpf.c and how it counts in them; for that program only.
 *
 * Plain hashes: one that evicts would make counters run backwards. What finds no room counts in an
 * entry that stands for all of those, so that sums stay exact. */
#ifndef SOCKET_EXPORTER_CONNECT_MAPS_H
#define SOCKET_EXPORTER_CONNECT_MAPS_H

#include <linux/bpf.h>

#include "collectors/bpf/connects.h"
#include "collectors/bpf/kernel_types.h"

/* After the types that they work on. */
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define ADD(counter, number) __sync_fetch_and_add(&(counter), number)

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

/* Searches for a port that found none. At most 2 MiB. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, SX_CONNECT_NETNS);
  __type(key, struct sx_connect_netns);
  __type(value, struct sx_histogram);
} searches SEC(".maps");

__u64 lost;          /* connections that `live` had no room for */
__u64 older_closed;  /* connections that were there before this program, and ended since */
__u64 older_waiting; /* connections of that kind that `live` was given */

const struct sx_connect_counts no_counts = {};
const struct sx_connect_times no_times = {};
const struct sx_histogram no_searches = {};

static __always_inline void* find_or_add(void* map, const void* key, const void* nothing) {
  void* found = bpf_map_lookup_elem(map, key);
  if (found) return found;
  bpf_map_update_elem(map, key, nothing, BPF_NOEXIST);
  return bpf_map_lookup_elem(map, key);
}

static __always_inline struct sx_connect_counts* counts_of(const struct sx_connect_key* key) {
  struct sx_connect_counts* found = bpf_map_lookup_elem(&counts, key);
  if (found) return found;
  /* Before the key, so that it is there when the table is full. */
  struct sx_connect_key rest_key = {.netns = key->netns};
  rest_key.netns.is_rest = 1;
  struct sx_connect_counts* rest = find_or_add(&counts, &rest_key, &no_counts);
  found = find_or_add(&counts, key, &no_counts);
  if (found) return found;
  if (rest) return rest;
  rest_key.netns.cookie = 0;
  rest_key.netns.inode = 0;
  return bpf_map_lookup_elem(&counts, &rest_key);
}

static __always_inline struct sx_connect_times* times_of(const struct sx_connect_key* key) {
  struct sx_connect_destination destination = {.port = key->port};
  __builtin_memcpy(destination.address, key->address, sizeof destination.address);
  struct sx_connect_times* found = find_or_add(&times, &destination, &no_times);
  if (found) return found;
  __builtin_memset(&destination, 0, sizeof destination);
  return bpf_map_lookup_elem(&times, &destination);
}

static __always_inline struct sx_histogram* searches_of(const struct sx_connect_key* key) {
  struct sx_connect_netns netns = key->netns;
  struct sx_histogram* found = find_or_add(&searches, &netns, &no_searches);
  if (found) return found;
  __builtin_memset(&netns, 0, sizeof netns);
  return bpf_map_lookup_elem(&searches, &netns);
}

static __always_inline __u32 bucket_of(__u64 nanoseconds) {
  __u64 left = nanoseconds / 1000 >> SX_FIRST_BUCKET;
  __u32 bucket = 0;
  if (left >> (SX_BUCKETS - 1)) return SX_BUCKETS - 1;
  for (int bits = 16; bits > 0; bits /= 2) {
    if (left >> bits) {
      left >>= bits;
      bucket += bits;
    }
  }
  bucket += left != 0;
  return bucket < SX_BUCKETS ? bucket : SX_BUCKETS - 1;
}

static __always_inline void add_time(struct sx_histogram* histogram, __u64 nanoseconds) {
  ADD(histogram->nanoseconds, nanoseconds);
  ADD(histogram->buckets[bucket_of(nanoseconds)], 1);
}

#endif
