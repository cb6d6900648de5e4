/* What a packet and its socket say about a TCP connection; for websockets.bpf.c only. */
#ifndef SOCKET_EXPORTER_WEBSOCKET_PACKETS_H
#define SOCKET_EXPORTER_WEBSOCKET_PACKETS_H

#include "collectors/bpf/tcp_segment.h"
#include "collectors/bpf/websocket_maps.h"

#define AF_INET 2
#define SMALLEST_GRANT 140 /* bytes of a packet that grants an upgrade */
#define LARGEST_GRANT 4096

enum role { NO_ROLE, SERVER, CLIENT };

/* Whether its first bytes are those. `size` is a multiple of 4. */
static __always_inline int begins_with(struct __sk_buff* skb, const struct segment* s,
                                       const char* expected, __u32 size) {
  __u32 start[3] = {};
  if (s->length < size || bpf_skb_load_bytes(skb, s->payload, start, size)) return 0;
  for (__u32 i = 0; i < size / 4; i++) {
    if (start[i] != ((const __u32*)expected)[i]) return 0;
  }
  return 1;
}

#define UPGRADE_IS_GRANTED "HTTP/1.1 101"

static __always_inline int grants_upgrade(struct __sk_buff* skb, const struct segment* s) {
  return begins_with(skb, s, UPGRADE_IS_GRANTED, sizeof UPGRADE_IS_GRANTED - 1);
}

/* Where both ends are on this host and watched, the server's is the one that counts. */
static __always_inline enum role role_beside(__u32 peer_port, __be32 address, __be32 peer_address) {
  return HAS_PORT(server_ports, peer_port) && address == peer_address ? NO_ROLE : CLIENT;
}

static __always_inline enum role role_of_packet(struct bpf_sock* sk) {
  const __u32 peer_port = bpf_ntohs(sk->dst_port);
  if (HAS_PORT(server_ports, sk->src_port)) return SERVER;
  if (!HAS_PORT(client_ports, peer_port)) return NO_ROLE;
  /* Each is read: the verifier refuses a pointer that may be to either. */
  const __be32 v4 = *(volatile __be32*)&sk->src_ip4, v6 = *(volatile __be32*)&sk->src_ip6[3];
  const __be32 peer_v4 = *(volatile __be32*)&sk->dst_ip4;
  const __be32 peer_v6 = *(volatile __be32*)&sk->dst_ip6[3];
  const int is_v4 = sk->family == AF_INET;
  return role_beside(peer_port, is_v4 ? v4 : v6, is_v4 ? peer_v4 : peer_v6);
}

static __always_inline enum role role_of_socket(struct sock* sk) {
  const __u32 peer_port = bpf_ntohs(sk->__sk_common.skc_dport);
  if (HAS_PORT(server_ports, sk->__sk_common.skc_num)) return SERVER;
  if (!HAS_PORT(client_ports, peer_port)) return NO_ROLE;
  if (sk->__sk_common.skc_family == AF_INET) {
    return role_beside(peer_port, sk->__sk_common.skc_rcv_saddr, sk->__sk_common.skc_daddr);
  }
  return role_beside(peer_port, sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[3],
                     sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[3]);
}

#endif
