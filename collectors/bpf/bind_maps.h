/* The table of binds.bpf.c and binds_fexit.bpf.c, and how they count in it; for those only. */
#ifndef SOCKET_EXPORTER_BIND_MAPS_H
#define SOCKET_EXPORTER_BIND_MAPS_H

#include <linux/bpf.h>
#include <linux/errno.h>

#include "collectors/bpf/binds.h"
#include "collectors/bpf/kernel_types.h"
#include "collectors/bpf/tables.h"

/* After the types that they work on. */
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_MPTCP 262

/* A plain hash: one that evicts would make counters run backwards. At most 512 KiB. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, SX_BIND_KEYS);
  __type(key, struct sx_bind_key);
  __type(value, struct sx_bind_counts);
} counts SEC(".maps");

const struct sx_bind_counts no_counts = {};

static __always_inline struct sx_bind_counts* counts_of(const struct sx_bind_key* key) {
  struct sx_bind_counts* found = find_or_add(&counts, key, &no_counts);
  if (found) return found;
  const struct sx_bind_key rest = {.is_rest = 1};
  return bpf_map_lookup_elem(&counts, &rest);
}

/* IPPROTO_TCP or IPPROTO_UDP; 0: neither, so it does not count. */
static __always_inline __u32 protocol_of(struct sock* sk) {
  const __u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
  if (family != AF_INET && family != AF_INET6) return 0;
  const __u32 protocol = BPF_CORE_READ(sk, sk_protocol);
  if (protocol == IPPROTO_MPTCP) return IPPROTO_TCP;
  return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP ? protocol : 0;
}

/* Any error but EADDRINUSE, of which there are two kinds. */
static __always_inline enum sx_bind_reason reason_of_error(long error) {
  switch (error) {
    case -EADDRNOTAVAIL:
      return SX_BIND_NOT_AVAILABLE;
    case -EACCES:
    case -EPERM:
      return SX_BIND_DENIED;
    default:
      return SX_BIND_OTHER;
  }
}

static __always_inline void count(struct task_struct* task, struct sock* sk,
                                  enum sx_bind_reason reason) {
  struct net* net = BPF_CORE_READ(sk, __sk_common.skc_net.net);
  struct sx_bind_key key = {.protocol = protocol_of(sk)};
  if (!key.protocol) return;
  key.cookie = BPF_CORE_READ(net, net_cookie);
  key.inode = BPF_CORE_READ(net, ns.inum);
  BPF_CORE_READ_STR_INTO(&key.comm, task, group_leader, comm);
  struct sx_bind_counts* counted = counts_of(&key);
  if (counted) ADD(counted->reasons[reason], 1);
}

#endif
