/* Shared by connects.bpf.c and the C++ side; plain C, fixed widths, no padding. */
#ifndef SOCKET_EXPORTER_CONNECTS_H
#define SOCKET_EXPORTER_CONNECTS_H

#include <linux/types.h>

#define SX_CONNECT_KEYS 16384
#define SX_CONNECT_DESTINATIONS 2048
#define SX_CONNECT_NETNS 4096
#define SX_CONNECT_LIVE 262144
#define SX_CONNECT_OLDER (SX_CONNECT_LIVE / 2) /* of them, connections that were there before */

/* What is counted of a key. */
enum sx_connect_counter {
  SX_ATTEMPTS,
  SX_FAILED_NO_PORT,
  SX_FAILED_REFUSED,
  SX_FAILED_TIMEOUT,
  SX_FAILED_RESET,
  SX_FAILED_UNREACHABLE,
  SX_FAILED_ABORTED,
  SX_FAILED_OTHER,
  SX_CLOSED_ACTIVE,
  SX_CLOSED_PASSIVE,
  SX_CLOSED_RESET,
  SX_CLOSED_TIMEOUT,
  SX_CLOSED_ABORTED,
  SX_TIME_WAIT,
  SX_SHORT_LIVED,
  SX_CONNECT_COUNTERS
};

/* What is timed of a destination. */
enum sx_connect_time {
  SX_CONNECTING,
  SX_ESTABLISHED,
  SX_CLOSE_WAIT,
  SX_RESPONSE,
  SX_CONNECT_TIMES
};

/* A namespace; inodes are used again, cookies are not. All zero: any. */
struct sx_connect_netns {
  __u64 cookie;
  __u32 inode;
  __u32 is_rest; /* of a key: it stands for those that found no room in the table */
};

/* In network order, IPv4 as ::ffff:a.b.c.d. All zero: those that found no room. */
struct sx_connect_destination {
  __u32 address[4];
  __u32 port;
};

struct sx_connect_key {
  __u64 cgroup;
  struct sx_connect_netns netns;
  struct sx_connect_destination destination;
  char comm[16]; /* of the process that called connect(), not of its thread */
  __u32 unused;
};

struct sx_connect_counts {
  __u64 counters[SX_CONNECT_COUNTERS];
  __u64 pid; /* of the last that called connect(), in the first pid namespace */
};

/* Bucket 0 ends at 2^SX_FIRST_BUCKET microseconds, each other one at twice the one before; the last
 * has no end. */
#define SX_FIRST_BUCKET 6
#define SX_BUCKETS 28

struct sx_histogram {
  __u64 nanoseconds; /* their sum */
  __u64 buckets[SX_BUCKETS];
};

struct sx_connect_times {
  struct sx_histogram histograms[SX_CONNECT_TIMES];
};

#endif
