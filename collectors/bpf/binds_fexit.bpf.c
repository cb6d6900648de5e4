// SPDX-License-Identifier: GPL-2.0
// Counts what binds.bpf.c does, where the kernel's functions can be followed as they return: no
// other system call becomes slower for it, and listen(), sendto() and io_uring are seen too.
#include "collectors/bpf/bind_maps.h"

/* What a function returned, however many arguments this kernel's has. Since Linux 5.17. */
static __always_inline long returned(void* context) {
  __u64 value = 0;
  bpf_get_func_ret(context, &value);
  return (int)value;
}

/* All that look for a port end here, with 0, or with 1 or an error for none: that changed. */
static __always_inline int after_port(void* context, struct sock* sk, int port) {
  if (!returned(context)) return 0;
  count(bpf_get_current_task_btf(), sk, port ? SX_BIND_IN_USE : SX_BIND_NO_PORT);
  return 0;
}

SEC("fexit/inet_csk_get_port") int BPF_PROG(after_tcp_port, struct sock* sk, int port) {
  return after_port(ctx, sk, port);
}

SEC("fexit/udp_v4_get_port") int BPF_PROG(after_udp_port, struct sock* sk, int port) {
  return after_port(ctx, sk, port);
}

SEC("fexit/udp_v6_get_port") int BPF_PROG(after_udp_port6, struct sock* sk, int port) {
  return after_port(ctx, sk, port);
}

/* What ends bind() before or after it looks for a port. */
static __always_inline int after_any_bind(void* context, struct socket* socket) {
  const long error = returned(context);
  if (!error || error == -EADDRINUSE) return 0;
  count(bpf_get_current_task_btf(), socket->sk, reason_of_error(error));
  return 0;
}

SEC("fexit/inet_bind") int BPF_PROG(after_bind, struct socket* socket) {
  return after_any_bind(ctx, socket);
}

SEC("fexit/inet6_bind") int BPF_PROG(after_bind6, struct socket* socket) {
  return after_any_bind(ctx, socket);
}

char LICENSE[] SEC("license") = "GPL";
