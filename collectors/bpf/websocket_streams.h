/* Follows both directions of a connection in order: heads of HTTP, then frames; for
 * websockets.bpf.c and websocket_tls.bpf.c only. */
#ifndef SOCKET_EXPORTER_WEBSOCKET_STREAMS_H
#define SOCKET_EXPORTER_WEBSOCKET_STREAMS_H

#include "collectors/bpf/websocket_ends.h"
#include "collectors/bpf/websocket_parts.h"

#define MOST_UNANSWERED 255
#define MOST_HEADS 16 /* in a part */

static __always_inline void begin_head(struct stream* s) {
  __builtin_memset(&s->head, 0, sizeof s->head);
  s->phase = HEAD;
}

static __always_inline void end_request(struct connection* c) {
  struct stream* const in = &c->streams[SX_IN];
  struct stream* const out = &c->streams[SX_OUT];
  if (!in->head.is_upgrade) {
    if (c->unanswered < MOST_UNANSWERED) c->unanswered++;
    in->frames.next += in->head.body;
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
  const __u64 body = out->head.body;
  begin_head(out);
  if (status / 100 == 1 && status != 101) return; /* the answer is still to come */
  if (c->unanswered) {
    c->unanswered--;
    out->frames.next += body;
    return;
  }
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
static __always_inline int feed_some(SOURCE* source, struct connection* c, struct part* part) {
  struct stream* const s = &c->streams[part->direction & 1];
  if (s->phase == FRAMES) {
    const int is_broken = walk_frames(source, c, part);
    take_seen(c, part->direction, part->now);
    if (is_broken) lose(c, s);
    return 0;
  }
  if (s->phase != HEAD || part->to <= s->frames.next) return 0;
  const int step = scan_head(source, c, part);
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
__noinline int feed(SOURCE* source, struct connection* c, struct part* part) {
  if (!c || !part) return 0;
  for (int i = 0; i < MOST_HEADS; i++) {
    if (!feed_some(source, c, part)) return 0;
  }
  struct stream* const s = &c->streams[part->direction & 1];
  if (s->phase == HEAD && s->frames.next < part->to) s->phase = SEARCH;
  return 0;
}

#endif
