/* Shared by websockets.bpf.c and the C++ side; plain C, fixed widths, no padding. */
#ifndef SOCKET_EXPORTER_WEBSOCKETS_H
#define SOCKET_EXPORTER_WEBSOCKETS_H

#include <linux/types.h>

#include "collectors/bpf/connects.h" /* sx_histogram */

#define SX_WEBSOCKET_KEYS 1024
#define SX_WEBSOCKET_LEARNED 64 /* ports at most that handshakes tell */

/* As the server sees them. */
enum sx_websocket_direction { SX_IN, SX_OUT, SX_DIRECTIONS };

enum sx_websocket_kind { SX_TEXT, SX_BINARY, SX_PING, SX_PONG, SX_CLOSE, SX_MESSAGE_KINDS };

/* Why a connection ended: by the code of its close frame (RFC 6455, section 7.4), or without one.
 */
enum sx_websocket_reason {
  SX_NORMAL,
  SX_GOING_AWAY,
  SX_PROTOCOL_ERROR,
  SX_UNSUPPORTED_DATA,
  SX_NO_STATUS,
  SX_INVALID_PAYLOAD,
  SX_POLICY_VIOLATION,
  SX_MESSAGE_TOO_BIG,
  SX_MANDATORY_EXTENSION,
  SX_INTERNAL_ERROR,
  SX_SERVICE_RESTART,
  SX_TRY_AGAIN_LATER,
  SX_BAD_GATEWAY,
  SX_APPLICATION_3XXX,
  SX_APPLICATION_4XXX,
  SX_INVALID,
  SX_ABNORMAL_FIN,
  SX_ABNORMAL_RESET,
  SX_ABNORMAL_TIMEOUT,
  SX_ABNORMAL_LOCAL,
  SX_CLOSE_REASONS
};

enum sx_websocket_initiator { SX_BY_CLIENT, SX_BY_SERVER, SX_BY_NONE, SX_INITIATORS };

/* Why a handshake failed. */
enum sx_websocket_error {
  SX_HTTP_4XX,
  SX_HTTP_5XX,
  SX_HTTP_OTHER,
  SX_INCOMPLETE,
  SX_NO_REQUEST,
  SX_CONNECT_REFUSED,
  SX_HANDSHAKE_ERRORS
};

/* From a ping to the next pong; from a message of the client to the server's next. */
enum sx_websocket_latency { SX_PING_LATENCY, SX_REQUEST_LATENCY, SX_WEBSOCKET_LATENCIES };

/* Ends of the buckets of lifetimes, in milliseconds; the last one has no end. Close on either side
 * of the idle timeouts that proxies and load balancers have: 30, 60, 100, 240, 300 and 350 s. */
#define SX_LIFETIME_EDGES                                                                         \
  100, 1000, 5000, 10000, 20000, 29000, 31000, 45000, 59000, 61000, 80000, 98000, 102000, 180000, \
      238000, 242000, 298000, 302000, 348000, 352000, 600000, 1800000, 3600000, 21600000, 86400000
#define SX_LIFETIME_BUCKETS 26

/* The port is the server's, in host order, whichever end is on this host. Inodes are used again,
 * cookies are not. */
struct sx_websocket_key {
  __u64 cgroup;
  __u64 cookie; /* of the network namespace */
  __u32 inode;
  __u16 port;
  __u16 is_rest; /* it stands for those that found no room in the table; all else is zero */
};

struct sx_lifetimes {
  __u64 milliseconds; /* their sum */
  __u64 buckets[SX_LIFETIME_BUCKETS];
};

struct sx_websocket_counts {
  __u64 opened;  /* by a handshake that was seen */
  __u64 adopted; /* found open */
  __u64 closed[SX_CLOSE_REASONS][SX_INITIATORS];
  __u64 errors[SX_HANDSHAKE_ERRORS];
  __u64 messages[SX_DIRECTIONS][SX_MESSAGE_KINDS];
  __u64 bytes[SX_DIRECTIONS];
  struct sx_histogram latencies[SX_WEBSOCKET_LATENCIES];
  struct sx_lifetimes duration;
  struct sx_lifetimes silence; /* before the close */
};

/* Where a key counts. */
struct sx_websocket_place {
  __u64 tag; /* that of the slot, while the key has it */
  __u32 slot;
  __u32 unused;
};

struct sx_websocket_slot {
  __u64 tag; /* never used again; 0: no key has it */
  struct sx_websocket_counts counts;
};

#endif
