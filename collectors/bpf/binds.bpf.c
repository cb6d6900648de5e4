// SPDX-License-Identifier: GPL-2.0
// Counts sockets of all network namespaces that get no local port: bind() that fails, and connect()
// of a UDP socket for which no port is free. Both are seen as system calls that return, for hosts
// where binds_fexit.bpf.c does not load.
#include "collectors/bpf/bind_maps.h"

#define S_IFMT 0170000
#define S_IFSOCK 0140000

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

/* Both families have the port behind the family. */
static __always_inline int asks_for_any_port(__u64 address) {
  __u16 port = 0;
  return !bpf_probe_read_user(&port, sizeof port, (void*)(address + sizeof port)) && !port;
}

static __always_inline enum sx_bind_reason reason_of(long error, __u64 address) {
  if (error != -EADDRINUSE) return reason_of_error(error);
  return asks_for_any_port(address) ? SX_BIND_NO_PORT : SX_BIND_IN_USE;
}

SEC("tp/syscalls/sys_exit_bind") int after_bind(struct trace_event_raw_sys_exit* context) {
  if (context->ret >= 0) return 0;
  struct task_struct* task = bpf_get_current_task_btf();
  const struct arguments given = arguments_of(task);
  struct sock* sk = sock_of(task, given.fd);
  if (sk) count(task, sk, reason_of(context->ret, given.address));
  return 0;
}

SEC("tp/syscalls/sys_exit_connect") int after_connect(struct trace_event_raw_sys_exit* context) {
  if (context->ret != -EAGAIN) return 0;
  struct task_struct* task = bpf_get_current_task_btf();
  struct sock* sk = sock_of(task, arguments_of(task).fd);
  if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_UDP) return 0;
  if (BPF_CORE_READ(sk, __sk_common.skc_num)) return 0; /* it has a port */
  count(task, sk, SX_BIND_NO_PORT);
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
