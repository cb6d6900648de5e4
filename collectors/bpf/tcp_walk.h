/* Shared by tcp_walk.bpf.c and the C++ side; plain C, fixed widths, no padding. */
#ifndef SOCKET_EXPORTER_TCP_WALK_H
#define SOCKET_EXPORTER_TCP_WALK_H

#include <linux/types.h>

/* Records of one run, a power of two: 112 KiB of memory, twice what a run is asked for. */
#define SX_TCP_RECORDS 2048
#define SX_TCP_LANES 8

/* One socket; addresses and remote_port in network order. */
struct sx_tcp_record {
  __u32 local[4]; /* IPv4: the first word, and zeroes */
  __u32 remote[4];
  __u32 netns; /* inode */
  __u32 receive_queue;
  __u32 send_queue;
  __u32 jiffies_left; /* TIME_WAIT */
  __u16 local_port;
  __u16 remote_port;
  __u16 family;
  __u16 state;
};

/* What a run is asked and what it answers. */
struct sx_tcp_run {
  __u32 netns;   /* in: inode of the only namespace to make records of; all are counted */
  __u32 start;   /* in: first bucket */
  __u32 sockets; /* in: the run ends after the bucket in which it has met so many */
  __u32 next;    /* out: first bucket of the next run; `start` when its chain is too long */
  __u32 buckets; /* out: of the whole table */
  __u32 records;
  __u32 visited;  /* sockets of all namespaces */
  __u32 restarts; /* chains read anew because they changed meanwhile */
};

#endif
