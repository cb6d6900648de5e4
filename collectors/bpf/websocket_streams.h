/* Follows both directions of a connection in order: heads of HTTP, then frames; for
 * websockets.bpf.c only. */
#ifndef SOCKET_EXPORTER_WEBSOCKET_STREAMS_H
#define SOCKET_EXPORTER_WEBSOCKET_STREAMS_H

#include "collectors/bpf/websocket_ends.h"
#include "collectors/bpf/websocket_parts.h"

static __always_inline void begin_head(struct stream* s) {
  __builtin_memset(&s->head, 0, sizeof s->head);
  s->phase = HEAD;
}

static __always_inline void end_request(struct connection* c) {
  struct stream* const in = &c->streams[SX_IN];
  struct stream* const out = &c->streams[SX_OUT];
  if (!in->head.is_upgrade) {
    begin_head(in);
    return;
  }
  c->stage = ASKED;
  in->phase = PAUSE;
  out->frames.next = out->end;
  begin_head(out);
}

static __always_inline void end_response(struct connection* c, const struct part* part) {
  struct stream* const in = &c->streams[SX_IN];
  struct stream* const out = &c->streams[SX_OUT];
  const __u32 status = out->head.status;
  if (status == 101 && out->head.is_upgrade) {
    if (in->phase != PAUSE) in->frames.next = widen(in, part->acknowledged);
    open_connection(c, part->now);
    return;
  }
  begin_head(out);
  if (status / 100 == 1 && status != 101) return; /* the answer is still to come */
  refuse(c, status);
  out->phase = SEARCH;
  if (in->phase == PAUSE) begin_head(in);
}

/* Where the next frame begins is not known any more. */
static __always_inline void lose(struct connection* c, struct stream* s) {
  s->phase = c->stage == OPEN ? GUESS : SEARCH;
  s->guessed = 0;
  s->is_desynced = 1;
  ADD(desynced, 1);
}

/* One head or all frames of a part. False when the rest, if any, is not for now. */
static __always_inline int feed_some(struct __sk_buff* skb, struct connection* c,
                                     struct part* part) {
  struct stream* const s = &c->streams[part->direction & 1];
  if (s->phase == FRAMES) {
    const int is_broken = walk_frames(skb, c, part);
    take_seen(c, part->direction, part->now);
    if (is_broken) lose(c, s);
    return 0;
  }
  if (s->phase != HEAD || part->to <= s->frames.next) return 0;
  const int step = scan_head(skb, c, part);
  if (step == SX_BROKEN) {
    if (s->head.length >= SX_LONGEST_HEAD) ADD(desynced, 1);
    s->phase = SEARCH;
  }
  if (step != SX_END) return 0;
  if ((part->direction & 1) == SX_IN) {
    end_request(c);
  } else {
    end_response(c, part);
  }
  return 1;
}

/* Takes a part that begins at `next`, or before it. */
__noinline int feed(struct __sk_buff* skb, struct connection* c, struct part* part) {
  if (!c || !part) return 0;
  for (int i = 0; i < 4; i++) {
    if (!feed_some(skb, c, part)) break;
  }
  return 0;
}

struct replay {
  struct __sk_buff* skb;
  struct connection* connection;
  struct holes* holes;
  struct part part;
};

static long replay_one(__u32 i, struct replay* r) {
  struct stream* s = &r->connection->streams[r->part.direction & 1];
  struct holes* h = r->holes;
  const __u32 count = h->count;
  const __u32 at = h->at;
  if (at >= count || s->phase == PAUSE) return 1;
  struct held* held = &h->held[at & (HELD - 1)];
  __u32 index = held->chunk;
  const __u64 end = held->from + held->length;
  if (s->phase == HEAD || s->phase == FRAMES) {
    if (held->from > s->frames.next) {
      h->at++;
      return 0;
    }
    r->part.from = held->from;
    r->part.to = end;
    r->part.chunk = index;
    if (end >= s->frames.next) feed(r->skb, r->connection, &r->part);
    if (s->phase == PAUSE && end > s->frames.next) return 1;
    ADD(repaired, 1);
  }
  bpf_map_push_elem(&free_chunks, &index, 0);
  *held = h->held[(count - 1) & (HELD - 1)];
  h->count = count - 1;
  h->at = 0;
  return 0;
}

/* Takes what has come before, as far as its turn is now. */
__noinline int replay_held(struct __sk_buff* skb, struct connection* c, struct holes* h,
                           struct part* part) {
  if (!c || !h || !part) return 0;
  struct replay r = {.skb = skb, .connection = c, .holes = h, .part = *part};
  r.part.offset = 0;
  h->at = 0; /* there, since the verifier goes through all values of what is on the stack */
  bpf_loop(HELD * HELD, replay_one, &r, 0);
  c->streams[part->direction & 1].has_holes = h->count != 0;
  return 0;
}

#endif
