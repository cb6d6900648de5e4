// SPDX-License-Identifier: GPL-2.0
// Counts the descriptors of each process, and the TCP and UDP sockets among them by state.
#include <linux/bpf.h>

#include "collectors/bpf/kernel_types.h"

/* After the types that they work on. */
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "collectors/bpf/process_walk.h"

#define AF_INET 2
#define AF_INET6 10
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define TCP_CLOSE 7
#define TCP_LISTEN 10
#define RLIMIT_NOFILE 7
#define NO_STATE -1

__u32 each_socket; /* set by the reader: every socket gets a record of its own */
__u32 wanted_destinations;
struct sx_destination destinations[SX_DESTINATIONS];

/* Index in `destinations`. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, SX_DESTINATIONS);
  __type(key, struct sx_destination_key);
  __type(value, __u32);
} wanted SEC(".maps");

struct sx_process_record process; /* as far as it is counted; cleared by the reader */

static __always_inline int state_of(struct sock* sk) {
  const __u32 family = sk->__sk_common.skc_family;
  if (family != AF_INET && family != AF_INET6) return NO_STATE;
  const __u32 protocol = sk->sk_protocol, type = sk->sk_type;
  if (protocol == IPPROTO_UDP && type == SOCK_DGRAM) return SX_UDP;
  if (protocol != IPPROTO_TCP || type != SOCK_STREAM) return NO_STATE;
  return sk->__sk_common.skc_state;
}

/* A socket has one struct file, whatever dup() and fork() do with it. One reference is the
 * descriptor's and one is the iterator's; any other may be a further descriptor. */
static __always_inline int may_be_shared(struct file* file) {
  struct file___old* old = (void*)file;
  if (bpf_core_field_exists(old->f_count)) return old->f_count.counter != 2;
  return file->f_ref.refcnt.counter != 1; /* counts from 0 */
}

/* The process as its number is in the pid namespace of the reader. */
static __always_inline __u32 visible_pid(struct task_struct* leader) {
  struct task_struct* reader = bpf_get_current_task_btf();
  const __u32 level = reader->thread_pid->level;
  struct upid number = {};
  bpf_core_read(&number, sizeof number, &leader->thread_pid->numbers[level]);
  return number.nr;
}

static __always_inline void begin(struct task_struct* task) {
  struct task_struct* leader = task->group_leader;
  __builtin_memset(&process, 0, sizeof process);
  process.kind = SX_PROCESS;
  process.thread = task->pid;
  process.pid = visible_pid(leader);
  process.is_leader = task->pid == task->tgid;
  process.table = (__u64)task->files;
  process.cgroup = task->cgroups->dfl_cgrp->kn->id;
  process.fds_limit = task->signal->rlim[RLIMIT_NOFILE].rlim_cur;
  process.netns = task->nsproxy->net_ns->ns.inum;
  bpf_core_read(process.comm, sizeof process.comm, &leader->comm);
}

static __always_inline void count_destination(struct sock_common* sk, __u32 netns, __u32 thread) {
  struct sx_destination_key key = {.netns = netns, .port = sk->skc_dport};
  if (sk->skc_family == AF_INET6) {
    for (int i = 0; i < 4; i++) key.address[i] = sk->skc_v6_daddr.in6_u.u6_addr32[i];
  } else {
    key.address[2] = bpf_htonl(0xffff);
    key.address[3] = sk->skc_daddr;
  }
  const __u32* index = bpf_map_lookup_elem(&wanted, &key);
  if (!index) return;
  struct sx_destination* d = &destinations[*index & (SX_DESTINATIONS - 1)];
  if (d->thread != thread) d->sockets = 0;
  d->thread = thread;
  if (++d->sockets <= d->most) return;
  d->most = d->sockets;
  d->most_thread = thread;
}

SEC("iter/task_file") int walk_files(struct bpf_iter__task_file* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct task_struct* task = ctx->task;
  struct file* file = ctx->file;
  if (!task || !file) { /* the end */
    if (process.kind) bpf_seq_write(seq, &process, sizeof process);
    return 0;
  }

  int state = NO_STATE;
  struct socket* socket = bpf_sock_from_file(file);
  struct sock* sk = socket ? socket->sk : 0;
  if (sk) state = state_of(sk);
  const int is_socket = state >= 0 && state < SX_SOCKET_STATES;
  const int is_own = is_socket && (each_socket || state == TCP_LISTEN || may_be_shared(file));
  const __u32 netns = is_socket ? sk->__sk_common.skc_net.net->ns.inum : 0;
  const __u32 thread = task->pid;
  const int is_next = process.thread != thread || (is_socket && !is_own && process.sockets_netns &&
                                                   process.sockets_netns != netns);

  /* What does not fit into the buffer is thrown away as a whole, and the descriptor comes again
   * with the next read: so first write, then count. */
  if (is_next && process.kind && bpf_seq_write(seq, &process, sizeof process)) return 0;
  if (is_own) {
    struct sx_held_socket r = {SX_SOCKET, thread, file->f_inode->i_ino, netns, state};
    if (bpf_seq_write(seq, &r, sizeof r)) return 0;
  }
  if (is_next) begin(task);
  process.open_fds++;
  if (!is_socket) return 0;
  if (wanted_destinations && state != SX_UDP && state != TCP_CLOSE && state != TCP_LISTEN) {
    count_destination(&sk->__sk_common, netns, thread);
  }
  if (is_own) return 0;
  process.sockets_netns = netns;
  process.sockets[state]++;
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
