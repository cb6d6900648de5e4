// SPDX-License-Identifier: GPL-2.0
// Copies what the hash tables of TCP sockets hold, established ones or listeners, under RCU and
// without locks. Eight chains are followed side by side, so that their cache misses overlap.
#include <linux/bpf.h>

#include "collectors/bpf/socket_copy.h"

#define LANES 8
#define MAX_BUCKETS 65536 /* of a run, should they be empty */
#define MAX_STEPS 65536   /* of a run, should a chain have no end */
#define GROUP 8           /* buckets that are found empty together */
#define SKIPS 64          /* such groups of a step */
#define IDLE ~0ULL        /* a node that ends no chain: the lane has nothing to do */

#define KEEP(value) asm volatile("" ::"r"(value))
#define BUCKET(walk, number) ((walk)->table + (walk)->stride * (number))
#define OFFSET(type, field) bpf_core_field_offset(struct type, field)

struct sx_socket_record records[SX_SOCKET_RECORDS];
__u32 torn[SX_TORN];

struct walk {
  __u64 node[LANES];            /* where each lane is; odd: at the end of its chain */
  __u64 head[LANES];            /* of the lane's chain, when it was begun */
  __u32 chain[LANES];           /* its bucket */
  __u64 table, stride, jiffies; /* of the first chain's head, and between two of them */
  __u32 ends;                   /* bits of an end's marker that tell the bucket */
  __u32 netns, details, stop, limit;
  __u32 bucket; /* the next that a lane takes */
  __u32 records, visited, torn;
};

__noinline int visit(struct walk* w, __u64 address, __u32 bucket) {
  if (!w) return 0;
  struct sock_common* sk = CAST(sock_common, address);
  const __u32 state = sk->skc_state;
  /* These are put into the table before they are whole, as their counter tells; see inet_diag. */
  const int is_small = state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV;
  if (is_small && sk->skc_refcnt.refs.counter == 0) return 0;
  w->visited++;
  const __u32 netns = sk->skc_net.net->ns.inum;
  if (w->netns != SX_ALL_NETNS && netns != w->netns) return 0;
  struct sx_socket_record* r = &records[w->records & (SX_SOCKET_RECORDS - 1)];
  r->bucket = bucket;
  r->netns = netns;
  r->inode = w->details && !is_small ? inode_of(address) : 0;
  r->local_port = sk->skc_num;
  r->remote_port = sk->skc_dport;
  r->family = sk->skc_family;
  copy_addresses(r, sk);
  copy_tcp(r, address, state, w->jiffies);
  w->records++;
  return 0;
}

static __always_inline int is_empty_group(struct walk* w) {
  __u64 all = 1;
  for (int i = 0; i < GROUP; i++) all &= read64(BUCKET(w, w->bucket + i));
  return all;
}

static __always_inline void add_torn(struct walk* w, __u32 bucket) {
  torn[w->torn & (SX_TORN - 1)] = bucket;
  w->torn++;
}

/* The lane is at an end. A socket that moves takes a lane along to another chain, or back to the
 * head of its own: then the end is another bucket's, or the head is a new one. */
__noinline int next_chain(struct walk* w, __u32 lane) {
  if (!w || lane >= LANES) return 0;
  const __u64 end = w->node[lane];
  const __u32 chain = w->chain[lane];
  if (end != IDLE && ((end >> 1 & w->ends) != chain || read64(BUCKET(w, chain)) != w->head[lane])) {
    add_torn(w, chain);
  }
  w->node[lane] = IDLE;
  for (int i = 0; i < SKIPS && w->bucket % GROUP == 0 && w->bucket < w->stop; i++) {
    if (!is_empty_group(w)) break;
    w->bucket += GROUP;
  }
  if (w->bucket >= w->stop || w->visited >= w->limit || w->torn + LANES >= SX_TORN) return 0;
  w->chain[lane] = w->bucket++;
  w->node[lane] = w->head[lane] = read64(BUCKET(w, w->chain[lane]));
  return 0;
}

/* What the copy of a socket reads behind its first two cache lines. */
static __always_inline void preload(__u64 address) {
  const __u32 state = CAST(sock_common, address)->skc_state;
  const __u64 is_small = -(__u64)(state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV);
  KEEP(read64(address + OFFSET(sock, sk_receive_queue)));
  KEEP(read64(address + (OFFSET(sock, sk_wmem_queued) & ~is_small)));
}

/* One socket of each lane. What all of them need is loaded first, without branches. */
static long step(__u32 number, void* context) {
  struct walk* w = context;
  const __u64 offset = OFFSET(sock_common, skc_nulls_node);
  __u64 next[LANES], address[LANES];
  if (w->records + LANES > SX_SOCKET_RECORDS) return 1;
  for (int i = 0; i < LANES; i++) {
    const __u64 node = w->node[i], end = -(node & 1);
    next[i] = read64((node & ~end) | (w->table & end));
    address[i] = ((node - offset) & ~end) | (w->table & end);
    KEEP(read64(address[i]));
  }
  for (int i = 0; i < LANES; i++) preload(address[i]);
  int busy = 0;
  for (int i = 0; i < LANES; i++) {
    if (w->node[i] & 1) {
      next_chain(w, i);
    } else {
      visit(w, w->node[i] - offset, w->chain[i]);
      w->node[i] = next[i];
    }
    busy |= w->node[i] != IDLE;
  }
  return !busy;
}

static __always_inline int run(struct walk* w, struct sx_walk_run* r) {
  w->jiffies = bpf_jiffies64();
  w->netns = r->netns;
  w->details = r->details;
  w->bucket = r->start;
  w->limit = r->sockets;
  w->stop = r->start + MAX_BUCKETS < r->buckets ? r->start + MAX_BUCKETS : r->buckets;
  if (r->only_start) w->stop = r->start + 1;
  for (int i = 0; i < LANES; i++) w->node[i] = IDLE;
  bpf_rcu_read_lock();
  bpf_loop(MAX_STEPS, step, w, 0);
  bpf_rcu_read_unlock();
  r->unfinished = 0;
  for (int i = 0; i < LANES; i++) {
    if (w->node[i] == IDLE) continue;
    add_torn(w, w->chain[i]);
    r->unfinished++;
  }
  r->next = w->bucket;
  r->records = w->records;
  r->visited = w->visited;
  r->torn = w->torn;
  return 0;
}

static __always_inline struct inet_hashinfo* own_hashinfo(void) {
  return bpf_get_current_task_btf()->nsproxy->net_ns->ipv4.tcp_death_row.hashinfo;
}

SEC("syscall") int walk_established(struct sx_walk_run* r) {
  struct inet_hashinfo* hash = own_hashinfo();
  struct walk w = {.table = r->table, .stride = 8, .ends = ~0};
  if (!w.table) {
    w.table = read64((__u64)&hash->ehash); /* not a pointer to the verifier */
    r->mask = hash->ehash_mask;
  }
  r->buckets = r->mask + 1;
  return run(&w, r);
}

/* Their table is one for all namespaces, and the markers have a bit more than the bucket. */
SEC("syscall") int walk_listeners(struct sx_walk_run* r) {
  struct inet_hashinfo* hash = own_hashinfo();
  struct walk w = {.stride = bpf_core_type_size(struct inet_listen_hashbucket)};
  w.table = read64((__u64)&hash->lhash2) + OFFSET(inet_listen_hashbucket, nulls_head);
  w.ends = hash->lhash2_mask;
  r->buckets = w.ends + 1;
  return run(&w, r);
}

char LICENSE[] SEC("license") = "GPL";
