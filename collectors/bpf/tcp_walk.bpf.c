// SPDX-License-Identifier: GPL-2.0
// Copies what the TCP established hash table holds, bucket by bucket, under RCU and without locks.
#include <linux/bpf.h>

#include "collectors/bpf/tcp_copy.h"

#define MAX_BUCKETS 65536 /* of a run, should they be empty */
#define MAX_STEPS 262144  /* of a run, should a chain have no end */
#define GROUP 8           /* buckets that are found empty together */
#define SKIPS 64          /* such groups of a step */

extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

#define KEEP(value) asm volatile("" ::"r"(value))
#define BUCKET(walk, number) ((walk)->table + 8ULL * (number))

struct sx_tcp_record records[SX_TCP_RECORDS];

struct walk {
  __u64 node[SX_TCP_LANES]; /* where each lane is; odd: at the end of its chain */
  __u64 head[SX_TCP_LANES]; /* of the lane's chain, when it was begun */
  __u64 table, jiffies;
  __u32 netns, stop, limit;
  __u32 bucket, begun; /* of the first lane */
  __u32 records, visited, restarts;
  __u32 whole_records, whole_visited; /* up to the last chain that was read to its end */
};

static __always_inline void visit(struct walk* w, __u64 address) {
  struct sock_common* sk = CAST(sock_common, address);
  const __u32 state = sk->skc_state;
  /* These are put into the table before they are whole, as their counter tells; see inet_diag. */
  const int is_small = state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV;
  if (is_small && sk->skc_refcnt.refs.counter == 0) return;
  w->visited++;
  if (sk->skc_net.net->ns.inum != w->netns) return;
  struct sx_tcp_record* r = &records[w->records & (SX_TCP_RECORDS - 1)];
  r->netns = w->netns;
  r->local_port = sk->skc_num;
  r->remote_port = sk->skc_dport;
  r->family = sk->skc_family;
  copy_addresses(r, sk);
  copy_state(r, address, state, w->jiffies);
  w->records++;
}

/* A socket that moves takes a lane along to another chain, or back to the head of its own: then
 * the end is another bucket's, or the head is a new one. */
static __always_inline int is_torn(struct walk* w, const int lanes) {
  int torn = 0;
  for (int i = 0; i < lanes; i++) {
    const __u64 bucket = w->bucket + i;
    torn |= (w->node[i] >> 1 != bucket) | (read64(BUCKET(w, bucket)) != w->head[i]);
  }
  return torn;
}

static __always_inline int is_empty_group(struct walk* w) {
  __u64 all = 1;
  for (int i = 0; i < GROUP; i++) all &= read64(BUCKET(w, w->bucket + i));
  return all;
}

/* Every lane is at an end. Returns 1 when the run is over. */
static __always_inline long next_chains(struct walk* w, const int lanes) {
  if (w->begun && is_torn(w, lanes)) {
    w->restarts++;
  } else {
    w->whole_records = w->records;
    w->whole_visited = w->visited;
    if (w->begun) w->bucket += lanes;
    w->begun = 1;
    for (int i = 0; i < SKIPS && w->bucket % GROUP == 0 && w->bucket < w->stop; i++) {
      if (!is_empty_group(w)) break;
      w->bucket += GROUP;
    }
    if (w->bucket >= w->stop || w->visited >= w->limit) return 1;
  }
  w->records = w->whole_records;
  w->visited = w->whole_visited;
  for (int i = 0; i < lanes; i++) w->node[i] = w->head[i] = read64(BUCKET(w, w->bucket + i));
  return 0;
}

/* One socket of each lane. What all of them need is loaded first, without branches, so that the
 * cache misses of the lanes overlap. */
static __always_inline long step(struct walk* w, const int lanes) {
  const __u64 offset = bpf_core_field_offset(struct sock_common, skc_nulls_node);
  if (w->records + lanes > SX_TCP_RECORDS) return 1;
  __u64 next[SX_TCP_LANES];
  __u64 live = 0;
  for (int i = 0; i < lanes; i++) {
    const __u64 node = w->node[i], end = -(node & 1);
    next[i] = read64((node & ~end) | (w->table & end));
    if (lanes > 1) KEEP(read64(((node - offset) & ~end) | (w->table & end)));
    live |= ~node & 1;
  }
  if (!live) return next_chains(w, lanes);
  for (int i = 0; i < lanes; i++) {
    if (w->node[i] & 1) continue;
    visit(w, w->node[i] - offset);
    w->node[i] = next[i];
  }
  return 0;
}

static long step_one(__u32 i, void* w) {
  return step(w, 1);
}

static long step_lanes(__u32 i, void* w) {
  return step(w, SX_TCP_LANES);
}

static __always_inline int run(struct sx_tcp_run* r, long (*step_of)(__u32, void*), int lanes) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct inet_hashinfo* hash = task->nsproxy->net_ns->ipv4.tcp_death_row.hashinfo;
  struct walk w = {.table = read64((__u64)&hash->ehash), /* not a pointer to the verifier */
                   .jiffies = bpf_jiffies64(),
                   .netns = r->netns,
                   .bucket = r->start,
                   .limit = r->sockets};
  r->buckets = hash->ehash_mask + 1;
  if (r->buckets % lanes) return 0;
  w.stop = r->start + MAX_BUCKETS < r->buckets ? r->start + MAX_BUCKETS : r->buckets;
  for (int i = 0; i < SX_TCP_LANES; i++) w.node[i] = 1;
  bpf_rcu_read_lock();
  bpf_loop(MAX_STEPS, step_of, &w, 0);
  bpf_rcu_read_unlock();
  r->next = w.bucket;
  r->records = w.whole_records;
  r->visited = w.whole_visited;
  r->restarts = w.restarts;
  return 0;
}

SEC("syscall") int walk_one(struct sx_tcp_run* r) {
  return run(r, step_one, 1);
}

SEC("syscall") int walk_lanes(struct sx_tcp_run* r) {
  return run(r, step_lanes, SX_TCP_LANES);
}

char LICENSE[] SEC("license") = "GPL";
