/* Shared by binds.bpf.c and the C++ side; plain C, fixed widths, no padding. */
#ifndef SOCKET_EXPORTER_BINDS_H
#define SOCKET_EXPORTER_BINDS_H

#include <linux/types.h>

#define SX_BIND_KEYS 4096

/* Why a socket got no local port. */
enum sx_bind_reason {
  SX_BIND_IN_USE,        /* the port that it asked for is taken */
  SX_BIND_NO_PORT,       /* it asked for any, and none was free */
  SX_BIND_NOT_AVAILABLE, /* no such address on this host */
  SX_BIND_DENIED,
  SX_BIND_OTHER,
  SX_BIND_REASONS
};

/* Whose sockets; inodes of namespaces are used again, cookies are not. */
struct sx_bind_key {
  __u64 cookie;
  __u32 inode;
  __u32 is_rest;  /* all other fields are 0: it stands for those that found no room in the table */
  char comm[16];  /* of the process, not of its thread */
  __u32 protocol; /* IPPROTO_TCP or IPPROTO_UDP */
  __u32 unused;
};

struct sx_bind_counts {
  __u64 reasons[SX_BIND_REASONS];
};

#endif
