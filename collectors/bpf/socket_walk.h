/* Shared by the walks over sockets and the C++ side; plain C, fixed widths, no padding. */
#ifndef SOCKET_EXPORTER_SOCKET_WALK_H
#define SOCKET_EXPORTER_SOCKET_WALK_H

#include <linux/types.h>

/* A run holds a CPU, and so many sockets take it a quarter of a millisecond when none is in the
 * cache. */
#define SX_SOCKETS_PER_RUN 1024
#define SX_SOCKET_RECORDS 8192 /* a power of two: a run may have to end a long chain */
#define SX_PORT_RECORDS 32768  /* the same for tables by port, whose chains are longer */
#define SX_TORN 64             /* chains of one run that may change while they are read */

#define SX_ALL_NETNS 0
#define SX_BOUND_PORT 0 /* state of a record that is no socket: bind() or listen() has the port */

/* One socket; addresses and remote_port in network order. */
struct sx_socket_record {
  __u32 local[4]; /* IPv4: the first word, and zeroes */
  __u32 remote[4];
  __u32 bucket;
  __u32 netns; /* inode */
  __u32 inode; /* of the socket; 0 where it was not asked for, or has no owner */
  __u32 receive_queue;
  __u32 send_queue;
  __u32 jiffies_left; /* TIME_WAIT */
  __u16 local_port;
  __u16 remote_port;
  __u16 family;
  __u16 state;
};

/* What a run is asked and what it answers. */
struct sx_walk_run {
  __u64 table;      /* in: address of the established or UDP table; 0: that of the calling thread */
  __u32 mask;       /* in: that table's number of buckets less one */
  __u32 netns;      /* in: inode of the only namespace to make records of, or SX_ALL_NETNS */
  __u32 sockets;    /* in: no bucket is begun after so many */
  __u32 start;      /* in: first bucket */
  __u32 only_start; /* in: read no other */
  __u32 details;    /* in: inodes of established sockets; of bound ports, bound-only sockets */
  __u32 next;       /* out: first bucket of the next run */
  __u32 buckets;    /* out: of the whole table */
  __u32 records;
  __u32 visited;      /* sockets of all namespaces */
  __u32 restarts;     /* chains read anew because they changed meanwhile */
  __u32 torn;         /* buckets that are still to be read anew, and their records thrown away */
  __u32 unfinished;   /* of these, for lack of room */
  __u32 unread_ports; /* with more owners than are looked at */
};

#endif
