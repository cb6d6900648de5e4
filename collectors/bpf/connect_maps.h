/* The tables of connects.bpf.c and how it counts in them; for that program only.
 *
 * Plain hashes: one that evicts would make counters run backwards. What finds no room counts in an
 * entry that stands for all of those, so that sums stay exact. */
#ifndef SOCKET_EXPORTER_CONNECT_MAPS_H
#define SOCKET_EXPORTER_CONNECT_MAPS_H

#include <linux/bpf.h>

#include "collectors/bpf/kernel_types.h"
#include "collectors/bpf/live_connections.h"
#include "collectors/bpf/port_searches.h"

/* After the types that they work on. */
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#define AF_INET6 10

/* At most 4 MiB. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, SX_CONNECT_KEYS);
  __type(key, struct sx_connect_key);
  __type(value, struct sx_connect_counts);
} counts SEC(".maps");

__u64 lost;         /* connections that found no room */
__u64 older_closed; /* connections that were there before this program, and ended since */
__u64 older_marked; /* connections of that kind that were found at the start */

const struct sx_connect_counts no_counts = {};

static __always_inline struct sx_connect_counts* counts_of(const struct connection* c) {
  const struct sx_connect_key* key = &c->key;
  struct sx_connect_counts* found = bpf_map_lookup_elem(&counts, key);
  if (found) return found;
  /* Before the key, so that it is there when the table is full. */
  struct sx_connect_key rest_key = {.netns = key->netns};
  rest_key.netns.is_rest = 1;
  struct sx_connect_counts* rest = find_or_add(&counts, &rest_key, &no_counts);
  found = find_or_add(&counts, key, &no_counts);
  if (found) {
    found->pid = c->pid; /* it may have been forgotten since connect() */
    return found;
  }
  if (rest) return rest;
  rest_key.netns.cookie = 0;
  rest_key.netns.inode = 0;
  return bpf_map_lookup_elem(&counts, &rest_key);
}

static __always_inline void set_destination(struct sx_connect_destination* to, struct sock* sk) {
  to->port = sk->__sk_common.skc_dport;
  if (sk->__sk_common.skc_family == AF_INET6) {
    for (int i = 0; i < 4; i++) to->address[i] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[i];
  } else {
    to->address[2] = bpf_htonl(0xffff);
    to->address[3] = sk->__sk_common.skc_daddr;
  }
}

#endif
