/* Finds where a stream can be followed from, when what came before is not known; for
 * websockets.bpf.c and websocket_tls.bpf.c only. */
#ifndef SOCKET_EXPORTER_WEBSOCKET_GUESSES_H
#define SOCKET_EXPORTER_WEBSOCKET_GUESSES_H

#include "collectors/bpf/websocket_streams.h"

#define FITTING 2           /* segments that end with a frame prove where frames begin */
#define MOST_GUESSED 64     /* segments without that proof say that they do not */
#define LARGE_GUESS 1048576 /* no frame is likely to be larger */

/* Whether frames begin where this segment does, or one before it. */
static __always_inline void guess_frames(SOURCE* source, struct connection* c, struct part* part) {
  struct stream* const s = &c->streams[part->direction & 1];
  if (s->guessed && part->from < part->before) return; /* sent again */
  if (!s->guessed || part->from != part->before) {
    __builtin_memset(&s->frames, 0, sizeof s->frames);
    __builtin_memset(&s->seen, 0, sizeof s->seen);
    s->frames.next = part->from;
    s->frames.message = SX_UNKNOWN_MESSAGE;
    s->guessed = s->fitting = 0;
  }
  s->guessed++;
  const int is_broken = walk_frames(source, c, part);
  if (is_broken || s->guessed > MOST_GUESSED || s->frames.next > part->to + LARGE_GUESS) {
    s->guessed = 0;
    return;
  }
  const int fits = s->frames.next == part->to && !s->frames.held;
  if (fits) s->fitting++;
  if (fits && reason_of(s->seen.close_code) != SX_INVALID) s->fitting = FITTING; /* by itself */
  if (s->fitting < FITTING || (c->stage != OPEN && !adopt(c))) return;
  s->phase = FRAMES;
  if (s->is_desynced) ADD(resynced, 1);
  s->is_desynced = 0;
  take_seen(c, part->direction, part->now);
}

/* Whether its first bytes are those. `size` is a multiple of 4. */
static __always_inline int begins_with(SOURCE* source, const struct part* part,
                                       const char* expected, __u32 size) {
  struct bytes bytes;
  __u32 start[3] = {};
  if (part->to - part->from < size || !find_bytes(&bytes, source, part)) return 0;
  if (read_bytes(&bytes, part->offset, start, size)) return 0;
  for (__u32 i = 0; i < size / 4; i++) {
    if (start[i] != ((const __u32*)expected)[i]) return 0;
  }
  return 1;
}

#define UPGRADE_IS_GRANTED "HTTP/1.1 101"

static __always_inline int grants_upgrade(SOURCE* source, const struct part* part) {
  return begins_with(source, part, UPGRADE_IS_GRANTED, sizeof UPGRADE_IS_GRANTED - 1);
}

/* Whether a head begins where this segment does: any of a request; as a response that of 101, or
 * any while one is asked for. */
static __always_inline int finds_head(SOURCE* source, const struct connection* c,
                                      const struct part* part) {
  if ((part->direction & 1) == SX_IN) return begins_with(source, part, sx_request, 4);
  return c->stage == ASKED ? begins_with(source, part, sx_response, 4)
                           : grants_upgrade(source, part);
}

/* In the phases that know of no next byte. */
__noinline int look_around(SOURCE* source, struct connection* c, struct part* part) {
  if (!c || !part) return 0;
  struct stream* const s = &c->streams[part->direction & 1];
  if (part->to <= part->before) return 0; /* sent again */
  if ((part->direction & 1) == SX_OUT && c->stage != ASKED) c->unanswered = 0;
  if (c->stage != OPEN && finds_head(source, c, part)) {
    s->frames.next = part->from;
    begin_head(s);
  } else if (s->phase == GUESS) {
    guess_frames(source, c, part);
  }
  return 0;
}

#endif
