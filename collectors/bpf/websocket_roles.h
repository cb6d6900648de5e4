/* Whose connection a socket is; for websockets.bpf.c and websocket_tls.bpf.c only. */
#ifndef SOCKET_EXPORTER_WEBSOCKET_ROLES_H
#define SOCKET_EXPORTER_WEBSOCKET_ROLES_H

#include "collectors/bpf/websocket_maps.h"

#define AF_INET 2

enum role { NO_ROLE, SERVER, CLIENT };

/* Of an end that connects. Where both are at one address and watched, the server's is the one that
 * counts. */
static __always_inline enum role role_of_opener(__u32 peer_port, int is_to_itself) {
  if (!has_port(client_ports, peer_port)) return NO_ROLE;
  return is_to_itself && is_server_port(peer_port) ? NO_ROLE : CLIENT;
}

/* By its ports. */
static __always_inline enum role role_of_packet(struct bpf_sock* sk) {
  const __u32 peer_port = bpf_ntohs(sk->dst_port);
  if (is_server_port(sk->src_port)) return SERVER;
  if (!has_port(client_ports, peer_port)) return NO_ROLE;
  /* Each is read: the verifier refuses a pointer that may be to either. */
  const __be32 v4 = *(volatile __be32*)&sk->src_ip4 ^ *(volatile __be32*)&sk->dst_ip4;
  __be32 v6 = 0;
#pragma unroll
  for (int i = 0; i < 4; i++) {
    v6 |= *(volatile __be32*)&sk->src_ip6[i] ^ *(volatile __be32*)&sk->dst_ip6[i];
  }
  return role_of_opener(peer_port, !(sk->family == AF_INET ? v4 : v6));
}

static __always_inline int is_to_itself(const struct sock_common* ends) {
  if (ends->skc_family == AF_INET) return ends->skc_rcv_saddr == ends->skc_daddr;
  __be32 differs = 0;
#pragma unroll
  for (int i = 0; i < 4; i++) {
    differs |= ends->skc_v6_rcv_saddr.in6_u.u6_addr32[i] ^ ends->skc_v6_daddr.in6_u.u6_addr32[i];
  }
  return !differs;
}

/* Of one that connects, or may be. */
static __always_inline enum role role_of_client(struct sock* sk) {
  return role_of_opener(bpf_ntohs(sk->__sk_common.skc_dport), is_to_itself(&sk->__sk_common));
}

/* By its ports. */
static __always_inline enum role role_of_socket(struct sock* sk) {
  return is_server_port(sk->__sk_common.skc_num) ? SERVER : role_of_client(sk);
}

static __always_inline void set_key(struct sx_websocket_key* key, struct sock* sk, __u32 port) {
  struct net* net = BPF_CORE_READ(sk, __sk_common.skc_net.net);
  key->cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
  key->cookie = BPF_CORE_READ(net, net_cookie);
  key->inode = BPF_CORE_READ(net, ns.inum);
  key->port = port;
}

#endif
