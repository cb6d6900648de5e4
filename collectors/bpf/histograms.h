/* How our programs count times in tables; for these only. */
#ifndef SOCKET_EXPORTER_HISTOGRAMS_H
#define SOCKET_EXPORTER_HISTOGRAMS_H

#include "collectors/bpf/connects.h"
#include "collectors/bpf/tables.h"

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
