/* Which states matter, and how a connection failed or ended, as its socket tells; for
 * connects.bpf.c only. */
#ifndef SOCKET_EXPORTER_CONNECT_CAUSES_H
#define SOCKET_EXPORTER_CONNECT_CAUSES_H

#include "collectors/bpf/connect_maps.h"

#define IN(state, states) ((states) >> (state)&1)
#define WATCHED                                                               \
  (1 << BPF_TCP_ESTABLISHED | 1 << BPF_TCP_SYN_SENT | 1 << BPF_TCP_SYN_RECV | \
   1 << BPF_TCP_FIN_WAIT1 | 1 << BPF_TCP_CLOSE | 1 << BPF_TCP_CLOSE_WAIT | 1 << BPF_TCP_LAST_ACK)

/* errno of the architectures that eBPF runs on, but MIPS, PA-RISC, SPARC and Alpha */
enum {
  EPIPE = 32,
  ENETUNREACH = 101,
  ECONNABORTED = 103,
  ECONNRESET = 104,
  ETIMEDOUT = 110,
  ECONNREFUSED = 111,
  EHOSTUNREACH = 113
};

/* The last that it had, also after it was given back. */
static __always_inline __be16 port_of(struct sock* sk) {
  return BPF_CORE_READ((struct inet_sock*)sk, inet_sport);
}

/* Without an error of the network, connect() itself gave up if it sent no SYN: there was no port,
 * or the one that bind() chose has a connection to that destination, or a rule of this host forbids
 * to use the one that was found. Else the caller gave up. */
static __always_inline enum sx_connect_counter failure_of(struct sock* sk, struct connection* c) {
  switch (sk->sk_err) {
    case 0:
      if (BPF_CORE_READ((struct tcp_sock*)sk, segs_out)) return SX_FAILED_ABORTED;
      if (c->is_bound || port_of(sk) != c->port_before) return SX_FAILED_OTHER;
      return SX_FAILED_NO_PORT;
    case ECONNREFUSED:
      return SX_FAILED_REFUSED;
    case ETIMEDOUT:
      return SX_FAILED_TIMEOUT;
    case ECONNRESET:
      return SX_FAILED_RESET;
    case ENETUNREACH:
    case EHOSTUNREACH:
      return SX_FAILED_UNREACHABLE;
    case ECONNABORTED:
      return SX_FAILED_ABORTED;
    default:
      return SX_FAILED_OTHER;
  }
}

static __always_inline enum sx_connect_counter breach_of(int error) {
  if (error == ECONNRESET || error == EPIPE) return SX_CLOSED_RESET;
  if (error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH) return SX_CLOSED_TIMEOUT;
  return SX_CLOSED_ABORTED;
}

/* The kernel makes a TIME_WAIT socket and closes the one it stands for. */
static __always_inline int becomes_time_wait(struct sock* sk, int before) {
  return sk->sk_err == 0 && IN(before, 1 << BPF_TCP_FIN_WAIT2 | 1 << BPF_TCP_CLOSING);
}

#endif
