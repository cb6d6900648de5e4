// SPDX-License-Identifier: GPL-2.0
// Counts WebSocket connections of all network namespaces, their messages and what ends them, from
// packets as they pass the root of all cgroups. What is encrypted is
// for websocket_tls.bpf.c.
#include "collectors/bpf/websocket_births.h"
#include "collectors/bpf/websocket_guesses.h"
#include "collectors/bpf/websocket_replay.h"

#define PASS 1
#define MOST_EARLY 4       /* chunks that are held for a client that does not wait */
#define SMALLEST_GRANT 140 /* bytes of a packet that grants an upgrade */
#define LARGEST_GRANT 4096
#define SPINS 65536 /* well under a millisecond */

/* Keeps what is not for now. What goes out is always in order. */
static __always_inline void put_off(struct __sk_buff* skb, struct bpf_sock* sk,
                                    struct connection* c, struct stream* s, struct part* part,
                                    int is_egress) {
  struct holes* into =
      is_egress ? 0 : bpf_sk_storage_get(&holes, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
  if (into) {
    s->has_holes = 1;
    const int is_too_early = s->phase == PAUSE && into->count >= MOST_EARLY;
    if (!is_too_early && hold(skb, into, part)) return;
  }
  lose(c, s);
}

static __always_inline void take(struct __sk_buff* skb, struct bpf_sock* sk, struct connection* c,
                                 struct stream* s, struct part* part, int is_egress) {
  if (s->phase <= GUESS) look_around(skb, c, part);
  if (s->phase > GUESS && part->to >= s->frames.next) {
    if (part->from <= s->frames.next && s->phase != PAUSE) feed(skb, c, part);
    const __u64 next = s->frames.next;
    if (s->phase == PAUSE && part->from < next) {
      part->offset += (__u32)(next - part->from);
      part->from = next;
    }
    if (s->phase > GUESS && part->from < part->to && (part->from > next || s->phase == PAUSE)) {
      put_off(skb, sk, c, s, part, is_egress);
    }
  } else if (part->to > part->before && !c->close_code) {
    c->last_at = part->now; /* inside of a frame */
  }
  if (!s->has_holes) return;
  struct holes* from = bpf_sk_storage_get(&holes, sk, 0, 0);
  if (!from) return;
  replay_held(skb, c, from, part);
  if (!s->has_holes) bpf_sk_storage_delete(&holes, sk);
}

static long spin(__u32 i, __u32** busy) {
  return __sync_lock_test_and_set(*busy, 1) == 0;
}

/* Two CPUs may deliver to a socket at once; what it sends is under its own lock. */
static __always_inline int lock(struct stream* s) {
  __u32* busy = &s->busy;
  if (!__sync_lock_test_and_set(busy, 1)) return 1;
  return bpf_loop(SPINS, spin, &busy, 0) < SPINS;
}

static __always_inline void take_segment(struct __sk_buff* skb, struct bpf_sock* sk,
                                         struct connection* c, const struct segment* segment,
                                         int is_egress) {
  const __u32 direction = c->is_client == is_egress ? SX_IN : SX_OUT;
  struct stream* const s = &c->streams[direction];
  struct part part = {.now = bpf_ktime_get_ns(), .offset = segment->payload, .chunk = IN_PACKET};
  part.direction = direction;
  part.acknowledged = segment->acknowledged;
  if (!is_egress && !lock(s)) {
    ADD(lost, 1);
    return;
  }
  part.from = widen(s, segment->sequence);
  part.to = part.from + segment->length;
  part.before = s->end;
  if (part.to > s->end) s->end = part.to;
  s->has_data = 1;
  take(skb, sk, c, s, &part, is_egress);
  if (!is_egress) __sync_lock_test_and_set(&s->busy, 0);
}

/* Where no port tells: of a packet whether it is worth a look, and of its connection whether it is
 * known, or its upgrade is granted there. */
static __always_inline int may_be_followed(struct __sk_buff* skb, struct bpf_sock* sk,
                                           int is_egress) {
  if (has_port(granted_ports, sk->src_port)) return 1;
  return is_egress && skb->len >= SMALLEST_GRANT && skb->len <= LARGEST_GRANT;
}

static __always_inline int is_followed(struct __sk_buff* skb, struct bpf_sock* sk,
                                       const struct segment* s, int is_egress) {
  const struct part part = {.to = s->length, .offset = s->payload, .chunk = IN_PACKET};
  if (is_egress && grants_upgrade(skb, &part)) return 1;
  return has_port(granted_ports, sk->src_port) && bpf_sk_storage_get(&connections, sk, 0, 0);
}

static __always_inline void follow(struct __sk_buff* skb, int is_egress) {
  struct bpf_sock* sk = skb->sk;
  struct segment segment;
  if (!sk) return;
  enum role role = role_of_packet(sk);
  if (role == NO_ROLE && !(learns && may_be_followed(skb, sk, is_egress))) return;
  if (!read_segment(skb, &segment)) return;
  sk = bpf_sk_fullsock(sk);
  if (!sk || (role == NO_ROLE && !is_followed(skb, sk, &segment, is_egress))) return;
  if (role == NO_ROLE) role = SERVER;
  struct connection* c = connection_of(skb, sk, &segment, role, is_egress);
  if (!c || c->is_gone) return;
  if (segment.length) take_segment(skb, sk, c, &segment, is_egress);
  if (is_egress && segment.is_last) end_connection(c, SX_ABNORMAL_FIN, this_end(c));
}

/* Ports may tell another role than who has sent the SYN: a client may have that of a server. */
static __always_inline void establish(struct sock* sk, int before) {
  const enum role role_by_ports = role_of_socket(sk);
  if (role_by_ports == NO_ROLE) return;
  struct connection* c = bpf_sk_storage_get(&connections, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
  if (!c) {
    ADD(lost, 1);
    return;
  }
  const int is_client = before == BPF_TCP_SYN_SENT;
  if (c->is_new) return;
  if (is_client ? role_of_client(sk) == CLIENT : role_by_ports == SERVER) {
    const __u32 port = sk->__sk_common.skc_num, peer_port = bpf_ntohs(sk->__sk_common.skc_dport);
    begin(c, sk, is_client ? CLIENT : SERVER, port, peer_port);
  } else {
    c->is_gone = 1;
  }
}

static __always_inline void close(struct sock* sk, int before) {
  struct connection* c = bpf_sk_storage_get(&connections, sk, 0, 0);
  if (!c) {
    if (before != BPF_TCP_SYN_SENT || sk->sk_err != ECONNREFUSED) return;
    if (role_of_client(sk) != CLIENT) return;
    struct sx_websocket_key key = {};
    struct sx_websocket_place place = {};
    set_key(&key, sk, bpf_ntohs(sk->__sk_common.skc_dport));
    count_error(&key, &place, SX_CONNECT_REFUSED);
    return;
  }
  end_by_error(c, sk->sk_err);
  c->is_gone = 1;
  struct holes* held = bpf_sk_storage_get(&holes, sk, 0, 0);
  if (held && lock(&c->streams[c->is_client ? SX_OUT : SX_IN])) release(held);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(follow_state, struct sock* sk, int before, int state) {
  if (before == BPF_TCP_LISTEN || sk->sk_protocol != IPPROTO_TCP) return 0;
  if (state == BPF_TCP_ESTABLISHED) {
    establish(sk, before);
  } else if (state == BPF_TCP_CLOSE) {
    close(sk, before);
  } else if (state == BPF_TCP_CLOSE_WAIT) {
    struct connection* c = bpf_sk_storage_get(&connections, sk, 0, 0);
    if (c) end_connection(c, SX_ABNORMAL_FIN, other_end(c));
  }
  return 0;
}

SEC("cgroup_skb/ingress") int follow_in(struct __sk_buff* skb) {
  follow(skb, 0);
  return PASS;
}

SEC("cgroup_skb/egress") int follow_out(struct __sk_buff* skb) {
  follow(skb, 1);
  return PASS;
}

char LICENSE[] SEC("license") = "GPL";
