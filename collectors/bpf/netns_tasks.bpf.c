// SPDX-License-Identifier: GPL-2.0
// Which process is in which network namespace.
#include <linux/bpf.h>

#include "collectors/bpf/kernel_types.h"

/* After the types that they work on. */
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "collectors/bpf/netns_tasks.h"

SEC("iter/task") int list_tasks(struct bpf_iter__task* context) {
  struct task_struct* task = context->task;
  if (!task || task->pid != task->tgid) return 0;
  struct net* net = BPF_CORE_READ(task, nsproxy, net_ns);
  if (!net) return 0; /* it ends */
  struct sx_netns_task record = {.pid = task->tgid};
  record.cookie = BPF_CORE_READ(net, net_cookie);
  record.netns = BPF_CORE_READ(net, ns.inum);
  bpf_seq_write(context->meta->seq, &record, sizeof record);
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
