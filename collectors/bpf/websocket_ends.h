/* How WebSocket connections begin and end, and what comes of their frames; for websockets.bpf.c
 * and websocket_tls.bpf.c only. */
#ifndef SOCKET_EXPORTER_WEBSOCKET_ENDS_H
#define SOCKET_EXPORTER_WEBSOCKET_ENDS_H

#include <linux/errno.h>

#include "collectors/bpf/websocket_maps.h"

static __always_inline enum sx_websocket_reason reason_of(__u32 code) {
  switch (code) {
    case 1000:
      return SX_NORMAL;
    case 1001:
      return SX_GOING_AWAY;
    case 1002:
      return SX_PROTOCOL_ERROR;
    case 1003:
      return SX_UNSUPPORTED_DATA;
    case SX_NO_STATUS_CODE:
      return SX_NO_STATUS;
    case 1007:
      return SX_INVALID_PAYLOAD;
    case 1008:
      return SX_POLICY_VIOLATION;
    case 1009:
      return SX_MESSAGE_TOO_BIG;
    case 1010:
      return SX_MANDATORY_EXTENSION;
    case 1011:
      return SX_INTERNAL_ERROR;
    case 1012:
      return SX_SERVICE_RESTART;
    case 1013:
      return SX_TRY_AGAIN_LATER;
    case 1014:
      return SX_BAD_GATEWAY;
    default:
      if (code >= 3000 && code < 4000) return SX_APPLICATION_3XXX;
      if (code >= 4000 && code < 5000) return SX_APPLICATION_4XXX;
      return SX_INVALID;
  }
}

static __always_inline enum sx_websocket_initiator this_end(const struct connection* c) {
  return c->is_client ? SX_BY_CLIENT : SX_BY_SERVER;
}

static __always_inline enum sx_websocket_initiator other_end(const struct connection* c) {
  return c->is_client ? SX_BY_SERVER : SX_BY_CLIENT;
}

static __always_inline int comes_alive(struct connection* c) {
  if (__sync_val_compare_and_swap(&c->life, BEFORE, ALIVE) != BEFORE) return 0;
  c->stage = OPEN;
  return 1;
}

/* The ports have turns to make room for others; one that has had another handshake meanwhile stays
 * once more. */
static __always_inline void learn(__u32 port) {
  if (has_port(learned_ports, port)) {
    if (!has_port(proven_ports, port)) set_port(proven_ports, port);
    return;
  }
  __u32* const place = &learned[ADD(turns, 1) % SX_WEBSOCKET_LEARNED];
  const __u32 before = *place;
  if (has_port(learned_ports, before) && has_port(proven_ports, before)) {
    clear_port(proven_ports, before);
    ADD(ports_refused, 1);
  } else if (__sync_val_compare_and_swap(place, before, port) == before) {
    clear_port(learned_ports, before);
    clear_port(proven_ports, port);
    set_port(learned_ports, port);
  }
}

/* Both directions have come to the end of their heads. */
static __always_inline void open_connection(struct connection* c, __u64 now) {
  struct stream* const in = &c->streams[SX_IN];
  struct stream* const out = &c->streams[SX_OUT];
  c->opened_at = c->last_at = now;
  if (!comes_alive(c)) return;
  out->phase = FRAMES;
  in->phase = FRAMES;
  struct sx_websocket_counts* counted = counts_of(&c->key, &c->place);
  if (counted) ADD(counted->opened, 1);
  if (!learns || c->is_client || has_port(server_ports, c->key.port)) return;
  if (!has_port(granted_ports, c->key.port)) set_port(granted_ports, c->key.port);
  learn(c->key.port);
}

static __always_inline int adopt(struct connection* c) {
  if (!comes_alive(c)) return 0;
  struct sx_websocket_counts* counted = counts_of(&c->key, &c->place);
  if (counted) ADD(counted->adopted, 1);
  ADD(adopted, 1);
  return 1;
}

static __always_inline void refuse(struct connection* c, __u32 status) {
  if (c->stage != ASKED) return;
  c->stage = UNASKED;
  count_error(&c->key, &c->place,
              status / 100 == 4   ? SX_HTTP_4XX
              : status / 100 == 5 ? SX_HTTP_5XX
                                  : SX_HTTP_OTHER);
}

static __always_inline void count_close(struct connection* c, enum sx_websocket_reason reason,
                                        enum sx_websocket_initiator by, __u64 now) {
  struct sx_websocket_counts* counted = counts_of(&c->key, &c->place);
  if (!counted) return;
  __u64 silence = now - c->last_at;
  if (c->close_code) {
    reason = reason_of(c->close_code);
    by = c->closer == SX_IN ? SX_BY_CLIENT : SX_BY_SERVER;
    silence = c->silence;
  }
  ADD(counted->closed[reason][by], 1);
  add_lifetime(&counted->silence, silence);
  if (c->opened_at) add_lifetime(&counted->duration, now - c->opened_at);
}

/* The first of what ends a connection counts, and that once. */
static __always_inline void end_connection(struct connection* c, enum sx_websocket_reason reason,
                                           enum sx_websocket_initiator by) {
  const __u32 before = __sync_lock_test_and_set(&c->life, AFTER);
  const struct stream* const in = &c->streams[SX_IN];
  if (before == AFTER) return;
  if (before == ALIVE) {
    count_close(c, reason, by, bpf_ktime_get_ns());
  } else if (c->stage == ASKED || (in->phase == HEAD && in->head.is_upgrade)) {
    count_error(&c->key, &c->place, SX_INCOMPLETE);
  } else if (c->is_new && (!in->has_data || (in->phase == HEAD && in->head.length))) {
    count_error(&c->key, &c->place, SX_NO_REQUEST);
  }
}

/* Without a FIN of either side. */
static __always_inline void end_by_error(struct connection* c, int error) {
  if (error == ECONNRESET || error == EPIPE) {
    end_connection(c, SX_ABNORMAL_RESET, other_end(c));
  } else if (error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH) {
    end_connection(c, SX_ABNORMAL_TIMEOUT, SX_BY_NONE);
  } else {
    end_connection(c, SX_ABNORMAL_LOCAL, this_end(c));
  }
}

static __always_inline void time_answers(struct connection* c, struct sx_websocket_counts* counted,
                                         const struct sx_frames_seen* seen, __u32 direction,
                                         __u64 now) {
  const int has_data = seen->messages[SX_TEXT] || seen->messages[SX_BINARY];
  if (has_data && direction == SX_IN && !c->request_at) c->request_at = now;
  if (has_data && direction == SX_OUT && c->request_at) {
    const __u64 asked = __sync_lock_test_and_set(&c->request_at, 0);
    if (asked) add_time(&counted->latencies[SX_REQUEST_LATENCY], now - asked);
  }
  if (seen->messages[SX_PING] && !c->ping_at[direction]) c->ping_at[direction] = now;
  if (seen->messages[SX_PONG]) {
    const __u64 asked = __sync_lock_test_and_set(&c->ping_at[direction ^ 1], 0);
    if (asked) add_time(&counted->latencies[SX_PING_LATENCY], now - asked);
  }
}

/* Takes what the frames of a segment have counted. */
__noinline int take_seen(struct connection* c, __u32 direction, __u64 now) {
  if (!c) return 0;
  direction &= 1;
  struct sx_frames_seen* const seen = &c->streams[direction].seen;
  struct sx_websocket_counts* counted = counts_of(&c->key, &c->place);
  if (!counted) return 0;
  __u32 messages = 0;
  for (int kind = 0; kind < SX_MESSAGE_KINDS; kind++) {
    if (!seen->messages[kind]) continue;
    ADD(counted->messages[direction][kind], seen->messages[kind]);
    messages += seen->messages[kind];
  }
  if (seen->bytes) ADD(counted->bytes[direction], seen->bytes);
  time_answers(c, counted, seen, direction, now);
  if (!c->close_code && (!seen->close_code || messages > seen->messages[SX_CLOSE])) {
    c->last_at = now;
  }
  if (!c->close_code && seen->close_code) {
    c->silence = now - c->last_at;
    c->closer = direction;
    c->close_code = seen->close_code;
  }
  __builtin_memset(seen, 0, sizeof *seen);
  return 0;
}

#endif
