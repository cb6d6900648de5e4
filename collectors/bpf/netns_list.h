/* Shared by netns_list.bpf.c and the C++ side; plain C, fixed widths, no padding. */
#ifndef SOCKET_EXPORTER_NETNS_LIST_H
#define SOCKET_EXPORTER_NETNS_LIST_H

#include <linux/types.h>

/* Namespaces of one run, a power of two: with their ports 260 KiB of memory. */
#define SX_NETNS_RECORDS 32
#define SX_NETNS_PORT_WORDS 1024

#define SX_NETNS_PORTS_NONE 0 /* the namespace has no bitmap */
#define SX_NETNS_PORTS_READ 1
#define SX_NETNS_PORTS_UNREAD 2 /* it has one that could not be read */

/* One network namespace and those of its settings that decide about ports. */
struct sx_netns_record {
  __u64 cookie;
  __u64 ehash; /* address of its table of TCP sockets, to tell tables apart */
  __u64 udp_hash;
  __u32 inode;
  __u32 ehash_buckets;
  __u32 udp_buckets; /* 0: all namespaces have one table */
  __u16 first_port;
  __u16 last_port;
  __u32 tw_reuse;
  __u32 tw_reuse_delay; /* milliseconds */
  __u32 has_tw_reuse_delay;
  __u32 timestamps;
  __u32 fin_timeout; /* jiffies */
  __u32 somaxconn;
  __u32 max_tw_buckets;
  __u32 ports_state; /* SX_NETNS_PORTS_*: of its bitmap */
};

/* What a run is asked and what it answers. */
struct sx_netns_run {
  __u64 after;        /* in, out: address of the namespace before the next; 0: begin */
  __u64 after_cookie; /* in, out: its cookie */
  __u32 records;
  __u32 state; /* SX_NETNS_* */
};

#define SX_NETNS_MORE 0
#define SX_NETNS_DONE 1
#define SX_NETNS_LOST 2 /* the namespace to go on after is gone: begin again */

#endif
