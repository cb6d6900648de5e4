/* The walk over a hash table by local port, bucket by bucket; for eBPF programs only. */
#ifndef SOCKET_EXPORTER_PORT_CHAINS_H
#define SOCKET_EXPORTER_PORT_CHAINS_H

#include "collectors/bpf/socket_copy.h"

#define MAX_BUCKETS 65536 /* of a run, should they be empty */
#define MAX_STEPS 262144  /* of a run, should a chain have no end */
#define GROUP 8           /* buckets that are found empty together */

/* All sockets of a port are in one chain, and thousands may share it (SO_REUSEPORT). Memory is
 * taken as far as it is written. */
struct sx_socket_record records[SX_PORT_RECORDS];

/* Where a walk is. A bound port has buckets by address, and these have their sockets; 0 is none. */
struct walk {
  __u64 entry, by_address, owner;
  __u64 table, stride; /* of the first chain's head, and between two of them */
  __u32 netns, details, mask, stop, limit;
  __u32 bucket, begun;
  __u32 port, port_netns; /* that owners have to be of */
  __u32 owners_end;       /* `visited` from which on no more of them are looked at */
  __u32 records, visited, restarts, unread_ports;
  /* Up to the last chain that was read to its end. */
  __u32 whole_records, whole_visited, whole_unread_ports;
};

/* Chains end in a null pointer, which does not tell whose end it is. What sits in another chain
 * than its port belongs to has been moved, or its memory given away, while it was read. */
static __always_inline int is_strayed(struct walk* w, struct net* net, __u32 port) {
  return ((port + net->hash_mix) & w->mask) != w->bucket;
}

static __always_inline int is_empty_group(struct walk* w) {
  __u64 any = 0;
  for (int i = 0; i < GROUP; i++) any |= read64(w->table + w->stride * (w->bucket + i));
  return !any;
}

/* Returns 1 when the run is over. A function of its own to the verifier. */
__noinline int next_chain(struct walk* w) {
  if (!w) return 1;
  w->whole_records = w->records;
  w->whole_visited = w->visited;
  w->whole_unread_ports = w->unread_ports;
  if (w->begun) w->bucket++;
  w->begun = 1;
  if (w->bucket % GROUP == 0 && is_empty_group(w)) {
    w->bucket += GROUP;
    w->begun = 0;
  }
  if (w->bucket >= w->stop || w->visited >= w->limit) return 1;
  if (!w->begun) return 0;
  w->entry = read64(w->table + w->stride * w->bucket);
  return 0;
}

static __always_inline long begin_anew(struct walk* w) {
  w->restarts++;
  w->records = w->whole_records;
  w->visited = w->whole_visited;
  w->unread_ports = w->whole_unread_ports;
  w->by_address = w->owner = 0;
  w->entry = read64(w->table + w->stride * w->bucket);
  return 0;
}

static __always_inline struct sx_socket_record* add_record(struct walk* w, __u32 netns) {
  struct sx_socket_record* r = &records[w->records & (SX_PORT_RECORDS - 1)];
  w->visited++;
  if (w->netns != SX_ALL_NETNS && netns != w->netns) return 0;
  w->records++;
  __builtin_memset(r, 0, sizeof *r);
  r->netns = netns;
  return r;
}

static __always_inline int run(struct walk* w, struct sx_walk_run* r, long (*step)(__u32, void*)) {
  r->buckets = w->mask + 1;
  w->netns = r->netns;
  w->details = r->details;
  w->bucket = r->start;
  w->limit = r->sockets;
  w->stop = r->start + MAX_BUCKETS < r->buckets ? r->start + MAX_BUCKETS : r->buckets;
  bpf_rcu_read_lock();
  bpf_loop(MAX_STEPS, step, w, 0);
  bpf_rcu_read_unlock();
  r->next = w->bucket;
  r->records = w->whole_records;
  r->visited = w->whole_visited;
  r->restarts = w->restarts;
  r->unread_ports = w->whole_unread_ports;
  return 0;
}

static __always_inline struct netns_ipv4* own_ipv4(void) {
  return &bpf_get_current_task_btf()->nsproxy->net_ns->ipv4;
}

#endif
