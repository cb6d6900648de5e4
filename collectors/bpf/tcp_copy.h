/* From a TCP socket of the kernel to a record; for eBPF programs only. */
#ifndef SOCKET_EXPORTER_TCP_COPY_H
#define SOCKET_EXPORTER_TCP_COPY_H

#include <linux/bpf.h>

#include "collectors/bpf/kernel_types.h"

/* After the types that they work on. */
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "collectors/bpf/tcp_walk.h"

#define AF_INET6 10
#define TCP_TIME_WAIT 6
#define TCP_NEW_SYN_RECV 12

extern void* bpf_rdonly_cast(void* object, __u32 btf_id) __ksym;

#define CAST(type, address) \
  ((struct type*)bpf_rdonly_cast((void*)(address), bpf_core_type_id_kernel(struct type)))

/* A number at any kernel address. */
static __always_inline __u64 read64(__u64 address) {
  return CAST(timespec64, address)->tv_sec;
}

static __always_inline void copy_addresses(struct sx_tcp_record* r, struct sock_common* sk) {
  if (sk->skc_family == AF_INET6) {
    for (int i = 0; i < 4; i++) r->local[i] = sk->skc_v6_rcv_saddr.in6_u.u6_addr32[i];
    for (int i = 0; i < 4; i++) r->remote[i] = sk->skc_v6_daddr.in6_u.u6_addr32[i];
  } else {
    r->local[0] = sk->skc_rcv_saddr;
    r->remote[0] = sk->skc_daddr;
  }
}

/* Queues and times as inet_diag has them (tcp_diag_get_info, inet_twsk_diag_fill). */
static __always_inline void copy_state(struct sx_tcp_record* r, __u64 sk, __u32 state, __u64 now) {
  __u32 receive = 0, send = 0, left = 0;
  if (state == TCP_TIME_WAIT) {
    struct inet_timewait_sock* tw = CAST(inet_timewait_sock, sk);
    const __s64 until = tw->tw_timer.expires - now;
    left = until > 0 ? until : 0;
    state = tw->tw_substate; /* or FIN_WAIT2 */
  } else if (state != TCP_NEW_SYN_RECV) {
    struct tcp_sock* tcp = CAST(tcp_sock, sk);
    receive = tcp->rcv_nxt - tcp->copied_seq;
    if ((__s32)receive < 0) receive = 0;
    send = tcp->write_seq - tcp->snd_una;
  }
  r->state = state;
  r->receive_queue = receive;
  r->send_queue = send;
  r->jiffies_left = left;
}

#endif
