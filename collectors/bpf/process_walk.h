/* Shared by process_walk.bpf.c and the C++ side; plain C, fixed widths, no padding. */
#ifndef SOCKET_EXPORTER_PROCESS_WALK_H
#define SOCKET_EXPORTER_PROCESS_WALK_H

#include <linux/types.h>

/* First word of a record. */
#define SX_PROCESS 1
#define SX_SOCKET 2

/* UDP among the TCP states, which begin with 1. */
#define SX_UDP 0
#define SX_SOCKET_STATES 13

/* Destinations that are looked for at once, a power of two: 64 KiB of counters. */
#define SX_DESTINATIONS 4096

/* What a table of descriptors holds; several in a row when its sockets are of several namespaces.
 */
struct sx_process_record {
  __u32 kind;
  __u32 thread; /* whose table it is */
  __u32 pid;    /* of the process, in the pid namespace of the reader */
  __u32 is_leader;
  __u64 table; /* the same in two threads or processes: they have it in common */
  __u64 cgroup;
  __u64 fds_limit;
  __u32 netns; /* of the thread */
  __u32 open_fds;
  __u32 sockets_netns;
  __u32 sockets[SX_SOCKET_STATES]; /* by state, without those that have a record of their own */
  char comm[16];
};

/* A descriptor of a TCP or UDP socket that others may refer to too, or that listens. */
struct sx_held_socket {
  __u32 kind;
  __u32 thread;
  __u32 inode;
  __u32 netns;
  __u32 state;
};

/* Address and port in network order, IPv4 as ::ffff:a.b.c.d. */
struct sx_destination_key {
  __u32 address[4];
  __u32 netns;
  __u32 port;
};

/* Descriptors of sockets to one destination. */
struct sx_destination {
  __u32 thread; /* the last one that had any */
  __u32 sockets;
  __u32 most_thread;
  __u32 most;
};

#endif
