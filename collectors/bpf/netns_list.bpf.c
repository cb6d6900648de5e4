// SPDX-License-Identifier: GPL-2.0
// Follows the kernel's ring of network namespaces, those without a process among them.
#include "collectors/bpf/netns_list.h"

#include <linux/bpf.h>

#include "collectors/bpf/any_address.h"

#define MAX_STEPS 4096 /* of a run, should most namespaces be dying */

#define LIST_OFFSET bpf_core_field_offset(struct net, list)
#define NEXT(address) ((__u64)CAST(net, address)->list.next - LIST_OFFSET)
#define PREVIOUS(address) ((__u64)CAST(net, address)->list.prev - LIST_OFFSET)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
/* The count of references was renamed in Linux 6.18. */
struct ns_common___new {
  refcount_t __ns_ref;
};
struct ns_common___old {
  refcount_t count;
};
/* Two numbers under a lock before Linux 6.8. */
struct local_ports___old {
  int range[2];
};
#pragma clang attribute pop

struct sx_netns_record records[SX_NETNS_RECORDS];
__u64 reserved_ports[SX_NETNS_RECORDS][SX_NETNS_PORT_WORDS];

struct walk {
  __u64 node, own; /* addresses of struct net, or of the bare head as if it were in one */
  __u64 ops;       /* what every network namespace has there, and the head's neighbours have not */
  __u64 after, after_cookie;
  __u32 records, state;
};

static __always_inline int is_dying(struct net* net) {
  struct ns_common___new* now = (void*)&net->ns;
  struct ns_common___old* old = (void*)&net->ns;
  if (bpf_core_field_exists(now->__ns_ref)) return now->__ns_ref.refs.counter == 0;
  if (bpf_core_field_exists(old->count)) return old->count.refs.counter == 0;
  return 0;
}

/* Since Linux 6.2. */
static __always_inline void copy_udp_table(struct sx_netns_record* r, struct net* net) {
  r->udp_hash = r->udp_buckets = 0;
  if (!bpf_core_field_exists(net->ipv4.udp_table)) return;
  struct udp_table* table = net->ipv4.udp_table;
  r->udp_hash = (__u64)table->hash;
  r->udp_buckets = table->mask + 1;
}

static __always_inline void copy_range(struct sx_netns_record* r, struct net* net) {
  struct local_ports___old* old = (void*)&net->ipv4.ip_local_ports;
  if (bpf_core_field_exists(old->range)) {
    r->first_port = old->range[0];
    r->last_port = old->range[1];
  } else {
    const __u32 range = net->ipv4.ip_local_ports.range;
    r->first_port = range & 0xffff;
    r->last_port = range >> 16;
  }
}

static __always_inline void copy(struct net* net, __u32 place) {
  struct sx_netns_record* r = &records[place & (SX_NETNS_RECORDS - 1)];
  struct inet_hashinfo* hash = net->ipv4.tcp_death_row.hashinfo;
  r->cookie = net->net_cookie;
  r->inode = net->ns.inum;
  r->ehash = (__u64)hash->ehash;
  r->ehash_buckets = hash->ehash_mask + 1;
  copy_udp_table(r, net);
  copy_range(r, net);
  r->tw_reuse = net->ipv4.sysctl_tcp_tw_reuse;
  r->has_tw_reuse_delay = bpf_core_field_exists(net->ipv4.sysctl_tcp_tw_reuse_delay);
  if (r->has_tw_reuse_delay) r->tw_reuse_delay = net->ipv4.sysctl_tcp_tw_reuse_delay;
  r->timestamps = net->ipv4.sysctl_tcp_timestamps;
  r->fin_timeout = net->ipv4.sysctl_tcp_fin_timeout;
  r->somaxconn = net->core.sysctl_somaxconn;
  r->max_tw_buckets = net->ipv4.tcp_death_row.sysctl_max_tw_buckets;
  void* ports = net->ipv4.sysctl_local_reserved_ports;
  if (!ports) {
    r->ports_state = SX_NETNS_PORTS_NONE;
  } else if (bpf_probe_read_kernel(reserved_ports[place & (SX_NETNS_RECORDS - 1)],
                                   sizeof reserved_ports[0], ports) == 0) {
    r->ports_state = SX_NETNS_PORTS_READ;
  } else {
    r->ports_state = SX_NETNS_PORTS_UNREAD;
  }
}

static long step(__u32 i, void* context) {
  struct walk* w = context;
  struct net* net = CAST(net, w->node);
  if ((__u64)net->ns.ops == w->ops) {
    if (w->records == SX_NETNS_RECORDS) return 1;
    w->after = w->node;
    w->after_cookie = net->net_cookie;
    if (!is_dying(net)) copy(net, w->records++);
  }
  w->node = NEXT(w->node);
  if (w->node != w->own) return 0;
  w->state = SX_NETNS_DONE;
  return 1;
}

/* Its memory may be another namespace's by now, or no longer a member of the ring. */
static __always_inline int still_lives(struct walk* w) {
  struct net* net = CAST(net, w->after);
  return (__u64)net->ns.ops == w->ops && net->net_cookie == w->after_cookie &&
         PREVIOUS(NEXT(w->after)) == w->after;
}

SEC("syscall") int list_netns(struct sx_netns_run* r) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct net* own = task->nsproxy->net_ns;
  struct walk w = {.own = (__u64)own, .after = r->after, .after_cookie = r->after_cookie};
  bpf_rcu_read_lock();
  w.ops = (__u64)CAST(net, w.own)->ns.ops;
  w.node = w.own;
  if (w.after && !still_lives(&w)) {
    w.state = SX_NETNS_LOST;
  } else {
    if (w.after) w.node = NEXT(w.after);
    bpf_loop(MAX_STEPS, step, &w, 0);
  }
  bpf_rcu_read_unlock();
  r->after = w.after;
  r->after_cookie = w.after_cookie;
  r->records = w.records;
  r->state = w.state;
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
