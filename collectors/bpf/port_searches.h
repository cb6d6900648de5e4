/* How connects.bpf.c and searches.bpf.c time searches for a local port; for those only. */
#ifndef SOCKET_EXPORTER_PORT_SEARCHES_H
#define SOCKET_EXPORTER_PORT_SEARCHES_H

#include "collectors/bpf/histograms.h"

/* A plain hash: one that evicts would make counters run backwards. At most 2 MiB. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, SX_CONNECT_NETNS);
  __type(key, struct sx_connect_netns);
  __type(value, struct sx_histogram);
} searches SEC(".maps");

const struct sx_histogram no_searches = {};

static __always_inline struct sx_histogram* searches_of(const struct sx_connect_netns* netns) {
  struct sx_histogram* found = find_or_add(&searches, netns, &no_searches);
  if (found) return found;
  const struct sx_connect_netns rest = {};
  return bpf_map_lookup_elem(&searches, &rest);
}

#endif
