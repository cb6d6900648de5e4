// SPDX-License-Identifier: GPL-2.0
// Copies which TCP ports bind() or listen() holds, and the sockets that did no more than bind(),
// under RCU and without locks.
#include <linux/bpf.h>

#include "collectors/bpf/port_chains.h"

/* A server's port has all that it accepted as owners. Whoever only called bind() on such a port is
 * not looked for any further, as a run must not hold the CPU. */
#define MAX_OWNERS 8192

__noinline int visit_owner(struct walk* w) {
  if (!w) return 1;
  struct sock_common* sk = CAST(sock_common, w->owner);
  const __u32 netns = sk->skc_net.net->ns.inum;
  if (netns != w->port_netns || sk->skc_num != w->port) return begin_anew(w);
  if (w->visited >= w->owners_end) {
    w->owner = w->by_address = 0;
    w->unread_ports++;
    return 0;
  }
  if (sk->skc_state == TCP_CLOSE) {
    struct sx_socket_record* r = add_record(w, netns);
    if (r) {
      r->local_port = sk->skc_num;
      r->family = sk->skc_family;
      r->state = TCP_CLOSE;
      r->inode = inode_of(w->owner);
      copy_addresses(r, sk);
    }
  } else {
    w->visited++;
  }
  w->owner = (__u64)sk->skc_bind_node.next;
  if (w->owner) w->owner -= bpf_core_field_offset(struct sock_common, skc_bind_node);
  return 0;
}

static __always_inline long visit_address(struct walk* w) {
  struct inet_bind2_bucket* bucket = CAST(inet_bind2_bucket, w->by_address);
  if (bucket->port != w->port) return begin_anew(w);
  w->owner = (__u64)bucket->owners.first;
  if (w->owner) w->owner -= bpf_core_field_offset(struct sock_common, skc_bind_node);
  w->by_address = (__u64)bucket->bhash_node.next;
  if (w->by_address) w->by_address -= bpf_core_field_offset(struct inet_bind2_bucket, bhash_node);
  return 0;
}

/* Only ports that connect() chose by itself have both numbers below zero (inet_csk_get_port,
 * __inet_hash_connect): it takes no other. */
__noinline int visit_port(struct walk* w) {
  if (!w) return 1;
  struct inet_bind_bucket* bucket = CAST(inet_bind_bucket, w->entry);
  struct net* net = bucket->ib_net.net;
  const __u32 port = bucket->port;
  if (is_strayed(w, net, port)) return begin_anew(w);
  if (bucket->fastreuse >= 0 || bucket->fastreuseport >= 0) {
    const __u32 netns = net->ns.inum;
    struct sx_socket_record* r = add_record(w, netns);
    if (r) r->local_port = port;
    if (r && w->details && bpf_core_field_exists(bucket->bhash2)) {
      w->port = port;
      w->port_netns = netns;
      w->owners_end = w->visited + MAX_OWNERS;
      w->by_address = (__u64)bucket->bhash2.first;
      if (w->by_address)
        w->by_address -= bpf_core_field_offset(struct inet_bind2_bucket, bhash_node);
    }
  } else {
    w->visited++;
  }
  w->entry = (__u64)bucket->node.next;
  if (w->entry) w->entry -= bpf_core_field_offset(struct inet_bind_bucket, node);
  return 0;
}

/* The verifier does not look into what it calls as functions of their own, so not at their results.
 */
static long step_bound(__u32 i, void* context) {
  struct walk* w = context;
  if (w->records >= SX_PORT_RECORDS) return 1;
  if (w->owner) {
    visit_owner(w);
    return 0;
  }
  if (w->by_address) return visit_address(w);
  if (w->entry) {
    visit_port(w);
    return 0;
  }
  if (next_chain(w)) return 1;
  if (w->entry) w->entry -= bpf_core_field_offset(struct inet_bind_bucket, node);
  return 0;
}

SEC("syscall") int walk_bound(struct sx_walk_run* r) {
  struct inet_hashinfo* hash = own_ipv4()->tcp_death_row.hashinfo;
  struct walk w = {.stride = bpf_core_type_size(struct inet_bind_hashbucket)};
  w.table = read64((__u64)&hash->bhash) + bpf_core_field_offset(struct inet_bind_hashbucket, chain);
  w.mask = hash->bhash_size - 1;
  return run(&w, r, step_bound);
}

char LICENSE[] SEC("license") = "GPL";
