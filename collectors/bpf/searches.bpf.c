// SPDX-License-Identifier: GPL-2.0
// Times every search of connect() for a local port of a TCP socket, in all network namespaces.
#include "collectors/bpf/port_searches.h"

#define IPPROTO_TCP 6

/* When the search of a thread began; 0: it is at none. */
struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, __u64);
} began SEC(".maps");

__u64 lost; /* searches that `began` had no memory for */

/* Also where there is no search: the end of the one before may have gone missing. */
SEC("fentry/__inet_hash_connect") int BPF_PROG(begin, void* death_row, struct sock* sk) {
  const int has_port = sk->__sk_common.skc_num != 0;
  const int is_search = sk->sk_protocol == IPPROTO_TCP && !has_port;
  __u64* since = bpf_task_storage_get(&began, bpf_get_current_task_btf(), 0,
                                      is_search ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
  if (since) {
    *since = is_search ? bpf_ktime_get_ns() : 0;
  } else if (is_search) {
    ADD(lost, 1);
  }
  return 0;
}

SEC("fexit/__inet_hash_connect") int BPF_PROG(end, void* death_row, struct sock* sk) {
  __u64* since = bpf_task_storage_get(&began, bpf_get_current_task_btf(), 0, 0);
  if (!since || !*since) return 0;
  const __u64 taken = bpf_ktime_get_ns() - *since;
  *since = 0;
  struct net* net = sk->__sk_common.skc_net.net;
  const struct sx_connect_netns netns = {.cookie = net->net_cookie, .inode = net->ns.inum};
  struct sx_histogram* searched = searches_of(&netns);
  if (searched) add_time(searched, taken);
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
