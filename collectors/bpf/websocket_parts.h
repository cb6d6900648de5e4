/* Reads the frames and heads in a part of a stream; for websockets.bpf.c and websocket_tls.bpf.c
 * only. SOURCE is what holds that part.
 *
 * Functions that are called from several places are not inlined: the verifier then looks at each
 * once. */
#ifndef SOCKET_EXPORTER_WEBSOCKET_PARTS_H
#define SOCKET_EXPORTER_WEBSOCKET_PARTS_H

#ifdef IN_USER_MEMORY
#include "collectors/bpf/websocket_plaintext.h"
#define SOURCE struct plaintext
#else
#include "collectors/bpf/websocket_holes.h"
#define SOURCE struct __sk_buff
#endif

#define MOST_FRAMES 262144 /* in a packet, of 512 KiB */

struct walk {
  struct bytes bytes;
  struct stream* stream;
  __u64 from;
  __u64 to;
  __u32 offset;
  __u32 is_masked;
  __u32 is_broken;
};

static long walk_frame(__u32 i, struct walk* w) {
  struct sx_frames* frames = &w->stream->frames;
  struct sx_frames_seen* seen = &w->stream->seen;
  const __u32 wanted = sx_want_header(frames, seen, w->to);
  if (!wanted) return 1;
  const __u32 offset = w->offset + (__u32)(frames->next - w->from);
  const __u32 count = show_range(wanted, 16);
  if (read_bytes(&w->bytes, offset, &frames->header[frames->held & 15], count)) return 1;
  const enum sx_step step = sx_take_header(frames, seen, wanted, w->is_masked);
  if (step == SX_GO_ON) return 0;
  w->is_broken = step == SX_BROKEN;
  return 1;
}

/* True where the bytes are no frames. */
__noinline int walk_frames(SOURCE* source, struct connection* c, struct part* part) {
  if (!c || !part) return 0;
  const __u32 direction = part->direction & 1;
  struct walk w = {.from = part->from, .to = part->to, .offset = part->offset};
  w.stream = &c->streams[direction];
  w.is_masked = direction == SX_IN;
  if (!find_bytes(&w.bytes, source, part)) return 1;
  bpf_loop(MOST_FRAMES, walk_frame, &w, 0);
  return w.is_broken;
}

struct scan {
  struct bytes bytes;
  struct sx_head* head;
  __u32 offset;
  __u32 left;
  __u32 is_response;
  enum sx_step step;
  struct sx_block block;
};

static long scan_some(__u32 i, struct scan* s) {
  if (!s->left) return 1;
  const __u32 count = show_range(s->left < SX_BLOCK ? s->left : SX_BLOCK, SX_BLOCK);
  if (read_bytes(&s->bytes, s->offset, &s->block, count)) return 1;
  const __u32 taken = sx_take_head(s->head, &s->block, count, s->is_response, &s->step);
  s->offset += taken;
  s->left -= taken;
  return s->step != SX_GO_ON;
}

/* Moves `next` behind the head, or to the end of the part. */
__noinline int scan_head(SOURCE* source, struct connection* c, struct part* part) {
  if (!c || !part) return SX_BROKEN;
  struct stream* stream = &c->streams[part->direction & 1];
  const __u32 skipped = stream->frames.next - part->from;
  struct scan s = {.head = &stream->head, .offset = part->offset + skipped};
  s.left = part->to - stream->frames.next;
  s.is_response = (part->direction & 1) == SX_OUT;
  if (!find_bytes(&s.bytes, source, part)) return SX_BROKEN;
  bpf_loop(SX_LONGEST_HEAD, scan_some, &s, 0);
  stream->frames.next = part->to - s.left;
  return s.step;
}

#endif
