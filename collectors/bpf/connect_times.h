/* The table of times by destination and how it is counted in; for connects.bpf.c and
 * responses.bpf.c, which share it. */
#ifndef SOCKET_EXPORTER_CONNECT_TIMES_H
#define SOCKET_EXPORTER_CONNECT_TIMES_H

#include <linux/bpf.h>

#include "collectors/bpf/connects.h"

/* After the types that they work on. */
#include <bpf/bpf_helpers.h>

#define ADD(counter, number) __sync_fetch_and_add(&(counter), number)

/* At most 2 MiB. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, SX_CONNECT_DESTINATIONS);
  __type(key, struct sx_connect_destination);
  __type(value, struct sx_connect_times);
} times SEC(".maps");

const struct sx_connect_times no_times = {};

static __always_inline void* find_or_add(void* map, const void* key, const void* nothing) {
  void* found = bpf_map_lookup_elem(map, key);
  if (found) return found;
  bpf_map_update_elem(map, key, nothing, BPF_NOEXIST);
  return bpf_map_lookup_elem(map, key);
}

static __always_inline struct sx_connect_times* times_of(
    const struct sx_connect_destination* destination) {
  struct sx_connect_times* found = find_or_add(&times, destination, &no_times);
  if (found) return found;
  const struct sx_connect_destination rest = {};
  return bpf_map_lookup_elem(&times, &rest);
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
