/* What a session's plaintext comes to; for websocket_tls.bpf.c only. Fuzzers drive the same code.
 */
#ifndef SOCKET_EXPORTER_WEBSOCKET_TEXTS_H
#define SOCKET_EXPORTER_WEBSOCKET_TEXTS_H

#define IN_USER_MEMORY
#include "collectors/bpf/websocket_guesses.h"

/* A request that comes in pieces is known by its first byte, which begins no frame. */
static __always_inline void begin_request(struct stream* s, struct plaintext* text,
                                          const struct part* part) {
  char first = 0;
  if (part->direction != SX_IN || s->phase != GUESS || s->has_data) return;
  if (bpf_probe_read_user(&first, 1, (const void*)text->address) || first != sx_request[0]) return;
  s->frames.next = part->from;
  begin_head(s);
}

/* Plaintext is always in order. */
static __always_inline void take(struct plaintext* text, struct connection* c, struct part* part) {
  struct stream* const s = &c->streams[part->direction & 1];
  begin_request(s, text, part);
  s->has_data = 1;
  if (s->phase <= GUESS) look_around(text, c, part);
  if (s->phase <= GUESS) return;
  if (part->to < s->frames.next) {
    if (!c->close_code) c->last_at = part->now; /* inside of a frame */
    return;
  }
  if (s->phase != PAUSE) feed(text, c, part);
  if (s->phase > GUESS && s->frames.next < part->to) lose(c, s);
}

static __always_inline void take_plaintext(struct connection* c, __u64 address, __u64 length,
                                           int is_written) {
  const __u32 direction = c->is_client == is_written ? SX_IN : SX_OUT;
  struct stream* const s = &c->streams[direction];
  struct plaintext text = {.address = address};
  struct part part = {.direction = direction, .now = bpf_ktime_get_ns(), .chunk = IN_PACKET};
  part.from = part.before = s->end;
  part.to = s->end = part.from + length;
  part.acknowledged = c->streams[direction ^ 1].end;
  take(&text, c, &part);
}

#endif
