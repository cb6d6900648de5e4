/* The table of times by destination and how it is counted in; for connects.bpf.c and
 * responses.bpf.c, which share it. */
#ifndef SOCKET_EXPORTER_CONNECT_TIMES_H
#define SOCKET_EXPORTER_CONNECT_TIMES_H

#include "collectors/bpf/histograms.h"

/* At most 2 MiB. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, SX_CONNECT_DESTINATIONS);
  __type(key, struct sx_connect_destination);
  __type(value, struct sx_connect_times);
} times SEC(".maps");

const struct sx_connect_times no_times = {};

static __always_inline struct sx_connect_times* times_of(
    const struct sx_connect_destination* destination) {
  struct sx_connect_times* found = find_or_add(&times, destination, &no_times);
  if (found) return found;
  const struct sx_connect_destination rest = {};
  return bpf_map_lookup_elem(&times, &rest);
}

#endif
