/* From a socket of the kernel to a record; for eBPF programs only. */
#ifndef SOCKET_EXPORTER_SOCKET_COPY_H
#define SOCKET_EXPORTER_SOCKET_COPY_H

#include "collectors/bpf/any_address.h"
#include "collectors/bpf/socket_walk.h"

#define AF_INET6 10
#define TCP_ESTABLISHED 1
#define TCP_TIME_WAIT 6
#define TCP_CLOSE 7
#define TCP_LISTEN 10
#define TCP_NEW_SYN_RECV 12

static __always_inline void copy_addresses(struct sx_socket_record* r, struct sock_common* sk) {
  if (sk->skc_family == AF_INET6) {
    for (int i = 0; i < 4; i++) r->local[i] = sk->skc_v6_rcv_saddr.in6_u.u6_addr32[i];
    for (int i = 0; i < 4; i++) r->remote[i] = sk->skc_v6_daddr.in6_u.u6_addr32[i];
  } else {
    r->local[0] = sk->skc_rcv_saddr;
    r->remote[0] = sk->skc_daddr;
  }
}

/* The socket's inode is in one allocation with its struct socket. */
static __always_inline __u32 inode_of(__u64 sk) {
  const __u64 socket = (__u64)CAST(sock, sk)->sk_socket;
  if (!socket) return 0;
  const __u64 alloc = socket - bpf_core_field_offset(struct socket_alloc, socket);
  return CAST(socket_alloc, alloc)->vfs_inode.i_ino;
}

/* Told by what is near the addresses: the counters of a tcp_sock are in three cache lines of their
 * own. In other states the counters may differ with nothing queued, by a FIN say. */
static __always_inline int has_empty_queues(__u64 sk, __u32 state) {
  return state == TCP_ESTABLISHED && CAST(sock, sk)->sk_receive_queue.qlen == 0 &&
         CAST(sock, sk)->sk_wmem_queued == 0;
}

/* Queues and times as inet_diag has them (tcp_diag_get_info, inet_twsk_diag_fill). */
static __always_inline void copy_tcp(struct sx_socket_record* r, __u64 sk, __u32 state, __u64 now) {
  __u32 receive = 0, send = 0, left = 0;
  if (state == TCP_TIME_WAIT) {
    struct inet_timewait_sock* tw = CAST(inet_timewait_sock, sk);
    const __s64 until = tw->tw_timer.expires - now;
    left = until > 0 ? until : 0;
    state = tw->tw_substate; /* or FIN_WAIT2 */
  } else if (state == TCP_LISTEN) {
    receive = CAST(sock, sk)->sk_ack_backlog;
    send = CAST(sock, sk)->sk_max_ack_backlog;
  } else if (state != TCP_NEW_SYN_RECV && !has_empty_queues(sk, state)) {
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
