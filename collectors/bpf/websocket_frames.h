/* Follows the frames of one direction of a WebSocket (RFC 6455, section 5.2) from header to header,
 * without a look at what is between them. Plain C, so that fuzzers drive the same code. */
#ifndef SOCKET_EXPORTER_WEBSOCKET_FRAMES_H
#define SOCKET_EXPORTER_WEBSOCKET_FRAMES_H

#include "collectors/bpf/websockets.h"

#define SX_INLINE static inline __attribute__((always_inline))
#define SX_LONGEST_HEADER 14
#define SX_NO_STATUS_CODE 1005 /* stands for a close frame without a code */

/* What the message under way is. */
enum sx_message { SX_NO_MESSAGE, SX_TEXT_MESSAGE, SX_BINARY_MESSAGE, SX_UNKNOWN_MESSAGE };

/* What a frame is the end of; from the last on messages, by sx_websocket_kind. */
#define SX_NO_FRAME 0
#define SX_FRAGMENT 1
#define SX_MESSAGE_END 2

/* Positions are those of the stream's bytes. */
struct sx_frames {
  __u64 next;      /* of the next byte of a header */
  __u64 payload;   /* of the frame that ends there */
  __u8 header[32]; /* what there is of it; longer than any, for the verifier's sake */
  __u8 held;       /* so many bytes */
  __u8 message;
  __u8 ends; /* what the frame that ends at `next` is the end of */
};

/* What was counted of them and not taken yet. */
struct sx_frames_seen {
  __u64 bytes;       /* payload of data frames that have ended */
  __u32 messages[8]; /* by sx_websocket_kind; longer, for the verifier's sake */
  __u32 close_code;  /* of the first close frame */
};

enum sx_step { SX_GO_ON, SX_END, SX_BROKEN };

struct sx_frame {
  __u64 payload;
  __u32 size; /* of the header, and of what else has to be read */
  __u8 opcode;
  __u8 is_last;
};

SX_INLINE __u32 sx_extended_size(__u8 length) {
  return length == 126 ? 4 : length == 127 ? 10 : 2;
}

/* False when the opcode may not have this length, or the length that many bytes. */
SX_INLINE int sx_is_sound(const __u8* b, const struct sx_frame* frame, int is_masked) {
  const __u8 length = b[1] & 127;
  const __u8 reserved = b[0] & 0x70;
  if ((b[1] >> 7) != is_masked || (frame->opcode & 7) > 2) return 0;
  if (frame->opcode >= 8)
    return !reserved && frame->is_last && length < 126 && (frame->opcode != 8 || length != 1);
  return !(reserved & 0x30) && !(reserved && !frame->opcode);
}

/* SX_GO_ON: more bytes have to be read. `b` has room for 16. */
SX_INLINE enum sx_step sx_parse_header(const __u8* b, __u32 held, int is_masked,
                                       struct sx_frame* frame) {
  if (held < 2) return SX_GO_ON;
  frame->opcode = b[0] & 15;
  frame->is_last = b[0] >> 7;
  if (!sx_is_sound(b, frame, is_masked)) return SX_BROKEN;
  const __u8 length = b[1] & 127;
  const __u32 extended = sx_extended_size(length);
  frame->size = extended + (is_masked ? 4 : 0);
  frame->payload = length;
  const __u32 wanted = frame->size + (frame->opcode == 8 && length ? 2 : 0);
  if (held < wanted) return SX_GO_ON;
  if (length == 126) {
    frame->payload = (__u32)b[2] << 8 | b[3];
    if (frame->payload < 126) return SX_BROKEN;
  } else if (length == 127) {
    frame->payload = 0;
    for (int i = 2; i < 10; i++) frame->payload = frame->payload << 8 | b[i];
    if (frame->payload < 65536 || frame->payload >> 62) return SX_BROKEN;
  }
  return SX_END;
}

SX_INLINE __u32 sx_close_code(const __u8* b, const struct sx_frame* frame, int is_masked) {
  if (!frame->payload) return SX_NO_STATUS_CODE;
  if (is_masked) return (__u32)(b[6] ^ b[2]) << 8 | (b[7] ^ b[3]);
  return (__u32)b[2] << 8 | b[3];
}

SX_INLINE void sx_count_frame(struct sx_frames* f, struct sx_frames_seen* seen) {
  if (f->ends >= SX_MESSAGE_END) seen->messages[(f->ends - SX_MESSAGE_END) & 7]++;
  if (f->ends < SX_MESSAGE_END + SX_PING) seen->bytes += f->payload;
  f->ends = SX_NO_FRAME;
}

/* Fits the frame into the message under way; false when it cannot be part of it. */
SX_INLINE int sx_begin_frame(struct sx_frames* f, const struct sx_frame* frame) {
  if (frame->opcode >= 8) {
    const __u8 kind = frame->opcode == 8 ? SX_CLOSE : frame->opcode == 9 ? SX_PING : SX_PONG;
    f->ends = SX_MESSAGE_END + kind;
    return 1;
  }
  const int is_under_way = f->message == SX_TEXT_MESSAGE || f->message == SX_BINARY_MESSAGE;
  if (frame->opcode) {
    if (is_under_way) return 0;
    f->message = frame->opcode == 1 ? SX_TEXT_MESSAGE : SX_BINARY_MESSAGE;
  } else if (f->message == SX_NO_MESSAGE) {
    return 0;
  }
  f->ends = SX_FRAGMENT;
  if (!frame->is_last) return 1;
  if (f->message == SX_TEXT_MESSAGE) f->ends = SX_MESSAGE_END + SX_TEXT;
  if (f->message == SX_BINARY_MESSAGE) f->ends = SX_MESSAGE_END + SX_BINARY;
  f->message = SX_NO_MESSAGE;
  return 1;
}

/* Counts the frame that has ended before `to`. So many bytes, from `next` on, have to be added to
 * the header that is held; 0: nothing is left before `to`. */
SX_INLINE __u32 sx_want_header(struct sx_frames* f, struct sx_frames_seen* seen, __u64 to) {
  if (f->next > to) return 0;
  if (f->ends) sx_count_frame(f, seen);
  __u64 wanted = SX_LONGEST_HEADER - (f->held & 15);
  if (to - f->next < wanted) wanted = to - f->next;
  return (__u32)wanted & 15;
}

/* After those bytes were added. */
SX_INLINE enum sx_step sx_take_header(struct sx_frames* f, struct sx_frames_seen* seen, __u32 added,
                                      int is_masked) {
  struct sx_frame frame;
  const __u32 held = (f->held & 15) + added;
  const enum sx_step parsed = sx_parse_header(f->header, held, is_masked, &frame);
  if (parsed == SX_BROKEN) return SX_BROKEN;
  if (parsed == SX_GO_ON) {
    f->next += added;
    f->held = (__u8)held;
    return SX_END;
  }
  if (!sx_begin_frame(f, &frame)) return SX_BROKEN;
  if (frame.opcode == 8 && !seen->close_code) {
    seen->close_code = sx_close_code(f->header, &frame, is_masked);
  }
  f->next = f->next - (f->held & 15) + frame.size + frame.payload;
  f->payload = frame.payload;
  f->held = 0;
  return SX_GO_ON;
}

#endif
