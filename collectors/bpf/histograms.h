/* How our programs count times in tables; for these only. */
#ifndef SOCKET_EXPORTER_HISTOGRAMS_H
#define SOCKET_EXPORTER_HISTOGRAMS_H

#include <linux/bpf.h>

#include "collectors/bpf/connects.h"
#include "collectors/bpf/kernel_types.h"

/* After the types that they work on. */
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define ADD(counter, number) __sync_fetch_and_add(&(counter), number)

static __always_inline void* find_or_add(void* map, const void* key, const void* nothing) {
  void* found = bpf_map_lookup_elem(map, key);
  if (found) return found;
  bpf_map_update_elem(map, key, nothing, BPF_NOEXIST);
  return bpf_map_lookup_elem(map, key);
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
