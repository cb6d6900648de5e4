/* Shared by netns_tasks.bpf.c and the C++ side; plain C, fixed widths, no padding. */
#ifndef SOCKET_EXPORTER_NETNS_TASKS_H
#define SOCKET_EXPORTER_NETNS_TASKS_H

#include <linux/types.h>

/* Where one process is. */
struct sx_netns_task {
  __u64 cookie; /* of its namespace */
  __u32 netns;  /* inode */
  __u32 pid;
};

#endif
