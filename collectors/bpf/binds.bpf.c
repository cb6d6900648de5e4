// SPDX-License-Identifier: GPL-2.0
// Counts sockets of all network namespaces that get no local port: bind() that fails, and connect()
// of a UDP socket for which no port is free. Both are seen as system calls that return.
#include "collectors/bpf/binds.h"

#include <linux/bpf.h>
#include <linux/errno.h>

#include "collectors/bpf/kernel_types.h"

/* After the types that they work on. */
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_MPTCP 262
#define S_IFMT 0170000
#define S_IFSOCK 0140000

/* A plain hash: one that evicts would make counters run backwards. At most 512 KiB. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, SX_BIND_KEYS);
  __type(key, struct sx_bind_key);
  __type(value, struct sx_bind_counts);
} counts SEC(".maps");

const struct sx_bind_counts no_counts = {};

/* What the system call was given, wherever this kind of CPU keeps that. */
struct arguments {
  __u64 fd;
  __u64 address;
};

static __always_inline struct arguments arguments_of(struct task_struct* task) {
  struct arguments all;
  void* regs = (void*)bpf_task_pt_regs(task);
  struct pt_regs___x86* x86 = regs;
  struct pt_regs___arm64* arm64 = regs;
  if (bpf_core_field_exists(x86->di)) {
    all.fd = BPF_CORE_READ(x86, di);
    all.address = BPF_CORE_READ(x86, si);
  } else { /* where neither is there, this program does not load */
    all.fd = BPF_CORE_READ(arm64, orig_x0);
    all.address = BPF_CORE_READ(arm64, regs[1]);
  }
  return all;
}

static __always_inline struct sock* sock_of(struct task_struct* task, __u32 fd) {
  struct fdtable* table = BPF_CORE_READ(task, files, fdt);
  if (fd >= BPF_CORE_READ(table, max_fds)) return 0;
  struct file** files = BPF_CORE_READ(table, fd);
  struct file* file = 0;
  bpf_probe_read_kernel(&file, sizeof file, files + fd);
  if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK) return 0;
  struct socket* socket = BPF_CORE_READ(file, private_data);
  return BPF_CORE_READ(socket, sk);
}

static __always_inline int is_inet(struct sock* sk) {
  const __u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
  return family == AF_INET || family == AF_INET6;
}

/* Both families have the port behind the family. */
static __always_inline int asks_for_any_port(__u64 address) {
  __u16 port = 0;
  return !bpf_probe_read_user(&port, sizeof port, (void*)(address + sizeof port)) && !port;
}

static __always_inline enum sx_bind_reason reason_of(long error, __u64 address) {
  switch (error) {
    case -EADDRINUSE:
      return asks_for_any_port(address) ? SX_BIND_NO_PORT : SX_BIND_IN_USE;
    case -EADDRNOTAVAIL:
      return SX_BIND_NOT_AVAILABLE;
    case -EACCES:
    case -EPERM:
      return SX_BIND_DENIED;
    default:
      return SX_BIND_OTHER;
  }
}

static __always_inline struct sx_bind_counts* counts_of(const struct sx_bind_key* key) {
  struct sx_bind_counts* found = bpf_map_lookup_elem(&counts, key);
  if (found) return found;
  bpf_map_update_elem(&counts, key, &no_counts, BPF_NOEXIST);
  found = bpf_map_lookup_elem(&counts, key);
  if (found) return found;
  const struct sx_bind_key rest = {.is_rest = 1};
  return bpf_map_lookup_elem(&counts, &rest);
}

static __always_inline void count(struct task_struct* task, struct sock* sk, __u32 protocol,
                                  enum sx_bind_reason reason) {
  struct net* net = BPF_CORE_READ(sk, __sk_common.skc_net.net);
  struct sx_bind_key key = {.protocol = protocol};
  key.cookie = BPF_CORE_READ(net, net_cookie);
  key.inode = BPF_CORE_READ(net, ns.inum);
  BPF_CORE_READ_STR_INTO(&key.comm, task, group_leader, comm);
  struct sx_bind_counts* counted = counts_of(&key);
  if (counted) __sync_fetch_and_add(&counted->reasons[reason], 1);
}

SEC("tp/syscalls/sys_exit_bind") int after_bind(struct trace_event_raw_sys_exit* context) {
  if (context->ret >= 0) return 0;
  struct task_struct* task = bpf_get_current_task_btf();
  const struct arguments given = arguments_of(task);
  struct sock* sk = sock_of(task, given.fd);
  if (!sk || !is_inet(sk)) return 0;
  __u32 protocol = BPF_CORE_READ(sk, sk_protocol);
  if (protocol == IPPROTO_MPTCP) protocol = IPPROTO_TCP;
  if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) return 0;
  count(task, sk, protocol, reason_of(context->ret, given.address));
  return 0;
}

SEC("tp/syscalls/sys_exit_connect") int after_connect(struct trace_event_raw_sys_exit* context) {
  if (context->ret != -EAGAIN) return 0;
  struct task_struct* task = bpf_get_current_task_btf();
  struct sock* sk = sock_of(task, arguments_of(task).fd);
  if (!sk || !is_inet(sk) || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_UDP) return 0;
  if (BPF_CORE_READ(sk, __sk_common.skc_num)) return 0; /* it has a port */
  count(task, sk, IPPROTO_UDP, SX_BIND_NO_PORT);
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
