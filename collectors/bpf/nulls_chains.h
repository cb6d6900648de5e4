/* The walk over a hash table whose chains end in markers (hlist_nulls), eight of them side by side,
 * so that their cache misses overlap; for eBPF programs only. */
#ifndef SOCKET_EXPORTER_NULLS_CHAINS_H
#define SOCKET_EXPORTER_NULLS_CHAINS_H

#include "collectors/bpf/socket_copy.h"

#define LANES 8
#define MAX_BUCKETS 65536 /* of a run, should they be empty */
#define MAX_STEPS 65536   /* of a run, should a chain have no end */
#define GROUP 8           /* buckets that are found empty together */
#define SKIPS 64          /* such groups of a step */
#define IDLE ~0ULL        /* a node that ends no chain: the lane has nothing to do */

#define BUCKET(walk, number) ((walk)->table + (walk)->stride * (number))

struct sx_socket_record records[SX_SOCKET_RECORDS];
__u32 torn[SX_TORN];

/* Where a walk is. */
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

static __always_inline int run(struct walk* w, struct sx_walk_run* r, long (*step)(__u32, void*)) {
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

#endif
