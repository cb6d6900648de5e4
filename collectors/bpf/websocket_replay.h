/* Feeds what was held for its turn; for websockets.bpf.c only. */
#ifndef SOCKET_EXPORTER_WEBSOCKET_REPLAY_H
#define SOCKET_EXPORTER_WEBSOCKET_REPLAY_H

#include "collectors/bpf/websocket_streams.h"

struct replay {
  struct __sk_buff* skb;
  struct connection* connection;
  struct holes* holes;
  struct part* part;
};

static long replay_one(__u32 i, struct replay* r) {
  struct stream* s = &r->connection->streams[r->part->direction & 1];
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
    r->part->from = held->from;
    r->part->to = end;
    r->part->chunk = index;
    if (end >= s->frames.next) feed(r->skb, r->connection, r->part);
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
  struct replay r = {.skb = skb, .connection = c, .holes = h, .part = part};
  part->offset = 0;
  h->at = 0; /* there, since the verifier goes through all values of what is on the stack */
  bpf_loop(HELD * HELD, replay_one, &r, 0);
  c->streams[part->direction & 1].has_holes = h->count != 0;
  return 0;
}

#endif
