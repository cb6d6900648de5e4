// SPDX-License-Identifier: GPL-2.0
// Copies the UDP sockets of one table, which many network namespaces share, under RCU and without
// locks.
#include <linux/bpf.h>

#include "collectors/bpf/port_chains.h"

static __always_inline long visit_udp(struct walk* w) {
  struct sock_common* common = CAST(sock_common, w->entry);
  struct sock* sk = CAST(sock, w->entry);
  struct net* net = common->skc_net.net;
  if (is_strayed(w, net, common->skc_num)) return begin_anew(w);
  struct sx_socket_record* r = add_record(w, net->ns.inum);
  if (r) {
    r->local_port = common->skc_num;
    r->remote_port = common->skc_dport;
    r->family = common->skc_family;
    r->state = common->skc_state;
    r->inode = w->details ? inode_of(w->entry) : 0;
    copy_addresses(r, common);
    /* udp_rqueue_get, sk_wmem_alloc_get */
    r->receive_queue =
        sk->sk_backlog.rmem_alloc.counter - CAST(udp_sock, w->entry)->forward_deficit;
    r->send_queue = sk->sk_wmem_alloc.refs.counter - 1;
  }
  w->entry = (__u64)common->skc_node.next;
  if (w->entry) w->entry -= bpf_core_field_offset(struct sock_common, skc_node);
  return 0;
}

static long step_udp(__u32 i, void* context) {
  struct walk* w = context;
  if (w->records >= SX_PORT_RECORDS) return 1;
  if (w->entry) return visit_udp(w);
  if (next_chain(w)) return 1;
  if (w->entry) w->entry -= bpf_core_field_offset(struct sock_common, skc_node);
  return 0;
}

SEC("syscall") int walk_udp(struct sx_walk_run* r) {
  struct udp_table* table = own_ipv4()->udp_table;
  struct walk w = {.table = r->table, .mask = r->mask};
  if (!w.table) {
    w.table = read64((__u64)&table->hash); /* not a pointer to the verifier */
    w.mask = table->mask;
  }
  w.table += bpf_core_field_offset(struct udp_hslot, head);
  w.stride = bpf_core_type_size(struct udp_hslot);
  return run(&w, r, step_udp);
}

char LICENSE[] SEC("license") = "GPL";
