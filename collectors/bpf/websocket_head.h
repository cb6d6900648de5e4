/* Reads the head of an HTTP/1 request or response byte by byte, however it is cut: where it ends,
 * its status, and whether it asks for or grants a WebSocket. Plain C, so that fuzzers drive the
 * same code. */
#ifndef SOCKET_EXPORTER_WEBSOCKET_HEAD_H
#define SOCKET_EXPORTER_WEBSOCKET_HEAD_H

#include "collectors/bpf/websocket_frames.h"

#define SX_LONGEST_HEAD 65536

#define SX_UPGRADE "\nupgrade:websocket"
#define SX_UPGRADE_LENGTH 18
const char sx_upgrade[32] = SX_UPGRADE;

/* Longer than need be, for the verifier's sake. */
const char sx_request[4] = {'G', 'E', 'T', ' '};
const char sx_response[16] = "HTTP/1.1 ";
#define SX_STATUS_AT 9

/* All zero before the first byte. */
struct sx_head {
  __u32 length; /* so many bytes were read */
  __u16 status;
  __u8 matched;  /* so much of sx_upgrade */
  __u8 newlines; /* those that were read last */
  __u8 is_upgrade;
};

/* Whether such a byte may be there in the first line, as far as it is looked at. */
SX_INLINE int sx_begins_head(struct sx_head* head, __u8 byte, int is_response) {
  const __u32 at = head->length;
  if (!is_response) return at > 3 || byte == (__u8)sx_request[at & 3];
  if (at >= SX_STATUS_AT + 3) return 1;
  if (at >= SX_STATUS_AT) {
    head->status = (__u16)(head->status * 10 + byte - '0');
    return byte >= '0' && byte <= '9';
  }
  if (at == 7) return byte == '0' || byte == '1';
  return byte == (__u8)sx_response[at & 15];
}

/* The name, a colon and the value, with spaces anywhere between; nothing but a comma behind it. */
SX_INLINE void sx_match_upgrade(struct sx_head* head, __u8 byte) {
  if (byte == ' ' || byte == '\t') return;
  if (byte >= 'A' && byte <= 'Z') byte |= 0x20;
  if (head->matched == SX_UPGRADE_LENGTH) {
    if (byte == '\r' || byte == '\n' || byte == ',') head->is_upgrade = 1;
  } else if (byte == (__u8)sx_upgrade[head->matched & 31]) {
    head->matched++;
    return;
  }
  head->matched = byte == '\n';
}

/* Takes eight bytes at once, where none of them is looked at: inside of a line, whatever it says.
 * False: it took none. */
SX_INLINE int sx_skip_eight(struct sx_head* head, __u64 bytes) {
  const __u64 ones = 0x0101010101010101ULL, ends = bytes ^ '\n' * ones;
  if (head->length < SX_STATUS_AT + 3 || head->length > SX_LONGEST_HEAD - 8) return 0;
  if (head->matched || head->newlines || ((ends - ones) & ~ends & ones << 7)) return 0;
  head->length += 8;
  return 1;
}

/* SX_END: that was its last byte. SX_BROKEN: that is no such head. */
SX_INLINE enum sx_step sx_step_head(struct sx_head* head, __u8 byte, int is_response) {
  const int is_line_end = byte == '\r' || byte == '\n';
  if (!head->length && is_line_end) return SX_GO_ON; /* RFC 9112, section 2.2 */
  if (!sx_begins_head(head, byte, is_response)) return SX_BROKEN;
  if (head->length++ >= SX_LONGEST_HEAD) return SX_BROKEN;
  sx_match_upgrade(head, byte);
  if (byte == '\n') return head->newlines++ ? SX_END : SX_GO_ON;
  if (!is_line_end) head->newlines = 0;
  return SX_GO_ON;
}

#endif
