/* Reads the head of an HTTP/1 request or response, however it is cut: where it and its body end,
 * its status, and whether it asks for or grants a WebSocket. Plain C, so that fuzzers drive the
 * same code. */
#ifndef SOCKET_EXPORTER_WEBSOCKET_HEAD_H
#define SOCKET_EXPORTER_WEBSOCKET_HEAD_H

#include "collectors/bpf/websocket_frames.h"

#define SX_LONGEST_HEAD 65536
#define SX_LONGEST_METHOD 12
#define SX_LONGEST_BODY (1ULL << 48) /* a larger one is as endless */
#define SX_BLOCK 64                  /* bytes that are looked at at a time */

/* What lines begin with that matter: a newline, a name without its spaces, a colon. What was
 * matched so far is a place in here, or one of the two below; 0: nothing, in a line that does not
 * matter any more. */
#define SX_UPGRADE "\nupgrade:websocket"
#define SX_PROTOCOL_AT 9
#define SX_UPGRADE_END 18
#define SX_OTHER_PROTOCOL 19
#define SX_LENGTH "\ncontent-length:"
#define SX_LENGTH_AT 32
#define SX_LENGTH_END 48
const char sx_names[64] = SX_UPGRADE "\0\0\0\0\0\0\0\0\0\0\0\0\0\0" SX_LENGTH;

/* Longer than need be, for the verifier's sake. */
const char sx_request[4] = {'G', 'E', 'T', ' '};
const char sx_response[16] = "HTTP/1.1 ";
#define SX_STATUS_AT 9
#define SX_METHOD_HAS_ENDED 1

/* The verifier looks at it once. */
#ifdef __bpf__
#define SX_CALLED __attribute__((noinline))
#else
#define SX_CALLED SX_INLINE
#endif

/* All zero before the first byte. */
struct sx_head {
  __u64 body;    /* its length, where the head tells */
  __u32 length;  /* so many bytes were read */
  __u16 status;  /* of a response; of a request, whether its method has ended */
  __u8 matched;  /* of sx_names */
  __u8 newlines; /* those that were read last */
  __u8 is_upgrade;
};

struct sx_block {
  __u64 words[SX_BLOCK / 8];
};

SX_INLINE int sx_begins_request(struct sx_head* head, __u8 byte) {
  if (head->status == SX_METHOD_HAS_ENDED) return 1;
  if (byte == ' ' && head->length) {
    head->status = SX_METHOD_HAS_ENDED;
    return 1;
  }
  return byte >= 'A' && byte <= 'Z' && head->length < SX_LONGEST_METHOD;
}

/* Whether such a byte may be there in the first line, as far as it is looked at. */
SX_INLINE int sx_begins_head(struct sx_head* head, __u8 byte, int is_response) {
  const __u32 at = head->length;
  if (!is_response) return sx_begins_request(head, byte);
  if (at >= SX_STATUS_AT + 3) return 1;
  if (at >= SX_STATUS_AT) {
    head->status = (__u16)(head->status * 10 + byte - '0');
    return byte >= '0' && byte <= '9';
  }
  if (at == 7) return byte == '0' || byte == '1';
  return byte == (__u8)sx_response[at & 15];
}

/* A protocol is one of a list. */
SX_INLINE __u8 sx_match_protocol(struct sx_head* head, __u8 byte) {
  const int is_end = byte == ',' || byte == '\r' || byte == '\n';
  if (head->matched == SX_UPGRADE_END && is_end) head->is_upgrade = 1;
  if (byte == ',') return SX_PROTOCOL_AT;
  if (is_end) return byte == '\n';
  if (head->matched >= SX_UPGRADE_END) return SX_OTHER_PROTOCOL;
  return byte == (__u8)sx_names[head->matched & 63] ? head->matched + 1 : SX_OTHER_PROTOCOL;
}

SX_INLINE __u8 sx_match_length(struct sx_head* head, __u8 byte) {
  if (byte < '0' || byte > '9') return byte == '\n';
  if (head->body < SX_LONGEST_BODY) head->body = head->body * 10 + byte - '0';
  return SX_LENGTH_END;
}

/* Spaces may be anywhere between. */
SX_INLINE void sx_match_name(struct sx_head* head, __u8 byte) {
  const __u8 matched = head->matched;
  if (byte == ' ' || byte == '\t') return;
  if (byte >= 'A' && byte <= 'Z') byte |= 0x20;
  if (matched == SX_LENGTH_END) {
    head->matched = sx_match_length(head, byte);
  } else if (matched >= SX_PROTOCOL_AT && matched <= SX_OTHER_PROTOCOL) {
    head->matched = sx_match_protocol(head, byte);
  } else if (matched == 1 && byte == (__u8)sx_names[SX_LENGTH_AT + 1]) {
    head->matched = SX_LENGTH_AT + 2;
  } else if (matched && byte == (__u8)sx_names[matched & 63]) {
    head->matched = matched + 1;
    if (head->matched == SX_LENGTH_END) head->body = 0;
  } else {
    head->matched = byte == '\n';
  }
}

/* SX_END: that was its last byte. SX_BROKEN: that is no such head. */
SX_CALLED enum sx_step sx_step_head(struct sx_head* head, __u8 byte, int is_response) {
  if (!head) return SX_BROKEN;
  const int is_line_end = byte == '\r' || byte == '\n';
  if (!head->length && is_line_end) return SX_GO_ON; /* RFC 9112, section 2.2 */
  if (!sx_begins_head(head, byte, is_response)) return SX_BROKEN;
  if (head->length++ >= SX_LONGEST_HEAD) return SX_BROKEN;
  sx_match_name(head, byte);
  if (byte == '\n') return head->newlines++ ? SX_END : SX_GO_ON;
  if (!is_line_end) head->newlines = 0;
  return SX_GO_ON;
}

/* Whether nothing but the end of the line matters. */
SX_INLINE int sx_skips_line(const struct sx_head* head) {
  return head->length > SX_LONGEST_METHOD && !head->matched && !head->newlines;
}

/* Whether a line that begins with it may matter. */
SX_INLINE int sx_begins_name(__u8 byte) {
  const __u8 small = byte | 0x20;
  return byte <= ' ' || small == sx_names[1] || small == sx_names[SX_LENGTH_AT + 1];
}

/* How many of these eight bytes are before the first newline, on little-endian machines. */
SX_INLINE __u32 sx_before_newline(__u64 bytes) {
  const __u64 ones = 0x0101010101010101;
  const __u64 other = bytes ^ '\n' * ones;
  const __u64 found = (((other - ones) & ~other) >> 7) & ones; /* exact up to the first */
  return (__u32)((((found & -found) - 1) & ones) * ones >> 56);
}

/* The mask is for the verifier: a compiler that knows better must not leave it out. */
SX_INLINE __u8 sx_byte_at(const struct sx_block* block, __u32 at) {
  asm volatile("" : "+r"(at));
  return ((const __u8*)block->words)[at & (SX_BLOCK - 1)];
}

SX_CALLED __u32 sx_line_rest(const struct sx_block* block) {
  if (!block) return SX_BLOCK;
  for (__u32 i = 0; i < SX_BLOCK / 8; i++) {
    const __u32 before = sx_before_newline(block->words[i]);
    if (before < 8) return i * 8 + before;
  }
  return SX_BLOCK;
}

/* Takes some of the first `count` bytes of a block, one at least, and tells how many. */
SX_INLINE __u32 sx_take_head(struct sx_head* head, const struct sx_block* block, __u32 count,
                             int is_response, enum sx_step* step) {
  __u32 taken = 0;
  *step = SX_GO_ON;
  if (sx_skips_line(head)) {
    taken = sx_line_rest(block);
    if (taken > count) taken = count;
    const int has_next = taken + 1 < count;
    const int is_skipped = has_next && !sx_begins_name(sx_byte_at(block, taken + 1));
    if (is_skipped) taken += 2;
    head->length += taken;
    if (head->length > SX_LONGEST_HEAD) *step = SX_BROKEN;
    if (is_skipped) return taken;
  }
  for (int i = 0; i < SX_LENGTH_END - SX_LENGTH_AT; i++) {
    if (*step != SX_GO_ON || taken >= count || (i && sx_skips_line(head))) break;
    *step = sx_step_head(head, sx_byte_at(block, taken), is_response);
    taken++;
  }
  return taken;
}

#endif
