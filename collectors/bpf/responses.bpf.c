// SPDX-License-Identifier: GPL-2.0
// Times how long the peers of outgoing TCP connections take to answer: from the last byte of a
// request out to the first byte back, as packets pass the root of all cgroups.
#include "collectors/bpf/live_connections.h"
#include "collectors/bpf/tcp_segment.h"
#include "collectors/bpf/tls_records.h"

#define PASS 1

/* What a TLS 1.3 server sends on its own after the handshake, session tickets, comes about as soon
 * as its answer to the hello did, and is not more than that. */
#define DOUBT(hello_time) (2 * (hello_time) + 10000000) /* nanoseconds */
#define TICKETS 4096                                    /* bytes */

/* All zero where the payload is shorter. */
static __always_inline struct records read_records(struct __sk_buff* skb, struct segment* s) {
  struct records records;
  bpf_skb_load_bytes(skb, s->payload, &records, sizeof records);
  return records;
}

static __always_inline int is_after(__u32 sequence, __u32 other) {
  return (__s32)(sequence - other) > 0;
}

static __always_inline int ends_in(struct __sk_buff* skb, struct segment* s, __u32 inside) {
  const __u32 size = RECORD_HEADER + inside;
  struct record r;
  if (s->length < size) return 0;
  bpf_skb_load_bytes(skb, s->payload + s->length - size, &r, sizeof r);
  return is_record(&r) && r.type == DATA && size_of(&r) == size;
}

/* Whether the client's part of a handshake, but its hello, has a request behind it. */
static __always_inline int brings_request(struct __sk_buff* skb, struct segment* s,
                                          struct connection* c, struct records* r,
                                          __u64 doubt_until) {
  if (r->first.type == HANDSHAKE) return 0;
  if (r->first.type == CHANGE_CIPHER_SPEC && r->second.type == HANDSHAKE) {
    return s->length > size_of(&r->first) + size_of(&r->second); /* TLS 1.2, an old session */
  }
  c->doubt_until = doubt_until;
  return !ends_in(skb, s, ENCRYPTED_FINISHED_SHA256) && !ends_in(skb, s, ENCRYPTED_FINISHED_SHA384);
}

/* Whether it waits for an answer, be it that to a hello. */
static __always_inline int asks(struct __sk_buff* skb, struct segment* s, struct connection* c,
                                __u64 now) {
  struct records r = read_records(skb, s);
  if (c->talk == TLS) return !is_control(&r.first, s->length);
  if (is_client_hello(&r.first)) {
    c->talk = HELLO;
    return 1;
  }
  if (c->talk != HELLO) {
    c->talk = PLAIN;
    return 1;
  }
  if (!is_record(&r.first) || is_client_hello(&r.second)) return 1; /* more of it, or once more */
  if (r.first.type == ALERT) return 0;
  const __u64 hello_time = end_turn(&c->turn);
  c->talk = TLS;
  return brings_request(skb, s, c, &r, now + DOUBT(hello_time));
}

/* The connection that a packet has payload of, if it goes out. Other packets come to no table. */
static __always_inline struct connection* data_of(struct __sk_buff* skb, struct segment* s) {
  struct bpf_sock* sk = skb->sk;
  if (!sk || !read_segment(skb, s) || !s->length) return 0;
  struct connection* c = connection_of(sk);
  return c && c->stage >= OPEN ? c : 0;
}

SEC("cgroup_skb/egress") int ask(struct __sk_buff* skb) {
  struct segment s;
  struct connection* c = data_of(skb, &s);
  if (!c) return PASS;
  const __u32 end = s.sequence + s.length;
  if (c->talk != SILENT && !is_after(end, c->asked_end)) return PASS; /* sent again */
  end_talk(c);
  const __u64 now = bpf_ktime_get_ns();
  const int is_asked = asks(skb, &s, c, now);
  c->asked_end = end;
  c->heard_end = s.acknowledged;
  begin_turn(&c->turn, is_asked ? now : 0);
  return PASS;
}

/* Whether it is an answer to what was asked at that time; session tickets are not. */
static __always_inline int answers(struct __sk_buff* skb, struct segment* s, struct connection* c,
                                   __u64 asked_at, __u64 now) {
  if (c->talk != HELLO && c->talk != TLS) return 1;
  if (c->talk == HELLO) {
    if (c->turn.heard_at < asked_at) c->turn.heard_at = now; /* the first byte */
    return 0;
  }
  const struct records r = read_records(skb, s);
  if (is_control(&r.first, s->length)) return 0;
  if (now < c->doubt_until && !is_after(s->sequence + s->length, c->heard_end + TICKETS)) {
    c->turn.heard_at = now;
    return 0;
  }
  return 1;
}

SEC("cgroup_skb/ingress") int answer(struct __sk_buff* skb) {
  struct segment s;
  struct connection* c = data_of(skb, &s);
  if (!c || !c->turn.asked_at) return PASS;
  const __u64 now = bpf_ktime_get_ns();
  if (connection_of(skb->sk) != c) return PASS;
  const __u64 asked_at = turn_before(&c->turn, now);
  if (!asked_at || is_after(c->asked_end, s.acknowledged)) return PASS; /* not all came there */
  if (!is_after(s.sequence + s.length, c->heard_end)) return PASS;      /* sent again */
  if (!answers(skb, &s, c, asked_at, now)) return PASS;
  const struct sx_connect_destination destination = c->key.destination;
  if (answer_turn(&c->turn, asked_at)) add_response(&destination, now - asked_at);
  return PASS;
}

char LICENSE[] SEC("license") = "GPL";
