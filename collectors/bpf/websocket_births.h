/* How connections come to be known; for websockets.bpf.c only. */
#ifndef SOCKET_EXPORTER_WEBSOCKET_BIRTHS_H
#define SOCKET_EXPORTER_WEBSOCKET_BIRTHS_H

#include "collectors/bpf/tcp_segment.h"
#include "collectors/bpf/websocket_roles.h"
#include "collectors/bpf/websocket_streams.h"

#define POSITIONS (1ULL << 40) /* where they begin, so that none is below zero */
#define MOST_EARLY_REQUESTS 256

/* With what the kernel adds at most 512 bytes each, for as long as the socket is there. */
struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct connection);
} connections SEC(".maps");

/* Requests that came with the last part of the TCP handshake, before there was a socket for them:
 * by the number of their first byte and both ports. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, MOST_EARLY_REQUESTS);
  __type(key, __u64);
  __type(value, struct connection);
} early SEC(".maps");

static __always_inline __u64 early_key(__u32 number, __u32 port, __u32 peer_port) {
  return (__u64)number << 32 | port << 16 | peer_port;
}

/* The beginning of a connection, with neither end having sent data, but for what came early. */
static __always_inline void begin(struct connection* c, struct sock* sk, enum role role, __u32 port,
                                  __u32 peer_port) {
  const __u32 received = BPF_CORE_READ((struct tcp_sock*)sk, rcv_nxt);
  const __u32 sent = BPF_CORE_READ((struct tcp_sock*)sk, write_seq);
  struct stream* const in = &c->streams[SX_IN];
  struct stream* const out = &c->streams[SX_OUT];
  set_key(&c->key, sk, role == SERVER ? port : peer_port);
  c->is_new = 1;
  c->is_client = role == CLIENT;
  in->phase = HEAD;
  in->end = in->frames.next = POSITIONS + (c->is_client ? sent : received);
  out->end = out->frames.next = POSITIONS + (c->is_client ? received : sent);
  if (c->is_client) return;
  const __u64 key = early_key(received, port, peer_port);
  struct connection* found = bpf_map_lookup_elem(&early, &key);
  if (!found) return;
  c->stage = found->stage;
  *in = found->streams[SX_IN];
  out->phase = found->streams[SX_OUT].phase;
  bpf_map_delete_elem(&early, &key);
}

static __always_inline void keep_early(struct __sk_buff* skb, const struct segment* s, __u32 port,
                                       __u32 peer_port) {
  const __u64 key = early_key(s->sequence, port, peer_port);
  if (bpf_map_update_elem(&early, &key, &no_connection, BPF_NOEXIST)) return;
  struct connection* c = bpf_map_lookup_elem(&early, &key);
  if (!c) return;
  struct stream* const in = &c->streams[SX_IN];
  struct part part = {.from = POSITIONS + s->sequence, .offset = s->payload, .chunk = IN_PACKET};
  part.to = in->end = part.from + s->length;
  in->frames.next = part.from;
  in->phase = HEAD;
  in->has_data = 1;
  feed(skb, c, &part);
}

/* The one of this packet. One that was there before this program, or is to teach a port, is made
 * when there is data. */
static __always_inline struct connection* connection_of(struct __sk_buff* skb, struct bpf_sock* sk,
                                                        const struct segment* s, enum role role,
                                                        int is_egress) {
  struct connection* c = bpf_sk_storage_get(&connections, sk, 0, 0);
  if (c || !s->length) return c;
  const __u32 port = sk->src_port, peer_port = bpf_ntohs(sk->dst_port), state = sk->state;
  if (state == BPF_TCP_LISTEN) {
    if (!is_egress) keep_early(skb, s, port, peer_port);
    return 0;
  }
  struct tcp_sock* tcp = bpf_skc_to_tcp_sock(sk);
  if (!tcp || (state == BPF_TCP_SYN_RECV && role != SERVER)) return 0;
  c = bpf_sk_storage_get(&connections, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
  if (!c) {
    ADD(lost, 1);
    return 0;
  }
  if (state == BPF_TCP_SYN_RECV) {
    begin(c, (struct sock*)tcp, role, port, peer_port);
    return c;
  }
  set_key(&c->key, (struct sock*)tcp, role == SERVER ? port : peer_port);
  c->is_client = role == CLIENT;
  const __u32 direction = (role == SERVER) == is_egress ? SX_OUT : SX_IN;
  c->streams[direction].end = POSITIONS + s->sequence;
  c->streams[direction ^ 1].end = POSITIONS + s->acknowledged;
  c->streams[SX_IN].phase = c->streams[SX_OUT].phase = GUESS;
  return c;
}

#endif
