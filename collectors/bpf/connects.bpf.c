// SPDX-License-Identifier: GPL-2.0
// Counts outgoing TCP connections of all network namespaces: who opens them to where, what becomes
// of them and how long that takes.
#include "collectors/bpf/connect_causes.h"
#include "collectors/bpf/connect_maps.h"

#define SOCK_STREAM 1
#define IPPROTO_TCP 6
#define SHORT_LIVED 1000000000ULL /* nanoseconds */

/* In the process that calls connect(). */
static __always_inline void begin(struct sock* sk) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct net* net = sk->__sk_common.skc_net.net;
  struct connection c = {.since = bpf_ktime_get_ns(), .stage = OPENING};
  c.pid = bpf_get_current_pid_tgid() >> 32;
  c.is_bound = sk->__sk_common.skc_num != 0;
  c.port_before = port_of(sk);
  c.key.cgroup = bpf_get_current_cgroup_id();
  c.key.netns.cookie = net->net_cookie;
  c.key.netns.inode = net->ns.inum;
  set_destination(&c.key.destination, sk);
  __builtin_memcpy(c.key.comm, task->group_leader->comm, sizeof c.key.comm);
  drop(sk); /* it may have had another connection before */
  if (!add(sk, &c)) ADD(lost, 1);
  struct sx_connect_counts* counted = counts_of(&c);
  if (!counted) return;
  ADD(counted->counters[SX_ATTEMPTS], 1);
  counted->pid = c.pid;
}

static __always_inline void enter(struct connection* c, enum stage stage, __u64 now) {
  c->stage = stage;
  c->since = now;
}

static __always_inline void count(struct connection* c, enum sx_connect_counter counter) {
  struct sx_connect_counts* counted = counts_of(c);
  if (counted) ADD(counted->counters[counter], 1);
}

static __always_inline void time(struct connection* c, enum sx_connect_time what, __u64 taken) {
  struct sx_connect_times* timed = times_of(&c->key.destination);
  if (timed) add_time(&timed->histograms[what], taken);
}

static __always_inline void fail(struct sock* sk, struct connection* c, __u64 taken) {
  const enum sx_connect_counter failure = failure_of(sk, c);
  count(c, failure);
  if (failure != SX_FAILED_NO_PORT) return;
  struct sx_histogram* searched = searches_of(&c->key.netns);
  if (searched) add_time(searched, taken);
}

/* The first end leaves, or the connection breaks. */
static __always_inline void leave(struct connection* c, enum sx_connect_counter how, __u64 taken) {
  struct sx_connect_counts* counted = counts_of(c);
  if (counted) {
    ADD(counted->counters[how], 1);
    if (taken < SHORT_LIVED) ADD(counted->counters[SX_SHORT_LIVED], 1);
  }
  time(c, SX_ESTABLISHED, taken);
  end_talk(c);
}

static __always_inline void end(struct sock* sk, struct connection* c, int before, __u64 taken) {
  switch (c->stage) {
    case OLDER:
      ADD(older_closed, 1);
      break;
    case OPENING:
    case CROSSING:
      fail(sk, c, taken);
      break;
    case OPEN:
      leave(c, breach_of(sk->sk_err), taken);
      break;
    case LEFT_BY_PEER:
      if (before == BPF_TCP_CLOSE_WAIT) time(c, SX_CLOSE_WAIT, taken);
      break;
    case LEFT_BY_US:
      if (becomes_time_wait(sk, before)) count(c, SX_TIME_WAIT);
      break;
  }
}

SEC("tp_btf/inet_sock_set_state") int BPF_PROG(follow, struct sock* sk, int before, int state) {
  if (!IN(state, WATCHED) || before == BPF_TCP_LISTEN || sk->sk_protocol != IPPROTO_TCP) return 0;
  if (state == BPF_TCP_SYN_SENT) {
    begin(sk);
    return 0;
  }
  struct connection* c = connection_of(sk);
  if (!c) return 0; /* it came in, or was lost */
  const __u64 now = bpf_ktime_get_ns(), taken = now - c->since;
  if (state == BPF_TCP_CLOSE) {
    end(sk, c, before, taken);
    drop(sk);
  } else if (state == BPF_TCP_ESTABLISHED) {
    /* An event may go missing, when one interrupts another: this is a new socket in its place. */
    if (before != BPF_TCP_SYN_SENT && c->stage != CROSSING) {
      drop(sk);
    } else if (c->stage != OLDER) {
      time(c, SX_CONNECTING, taken);
      enter(c, OPEN, now);
    }
  } else if (state == BPF_TCP_SYN_RECV && c->stage == OPENING) {
    c->stage = CROSSING;
  } else if (c->stage == OPEN && state == BPF_TCP_FIN_WAIT1) {
    leave(c, SX_CLOSED_ACTIVE, taken);
    enter(c, LEFT_BY_US, now);
  } else if (c->stage == OPEN && state == BPF_TCP_CLOSE_WAIT) {
    leave(c, SX_CLOSED_PASSIVE, taken);
    enter(c, LEFT_BY_PEER, now);
  } else if (c->stage == LEFT_BY_PEER && state == BPF_TCP_LAST_ACK) {
    time(c, SX_CLOSE_WAIT, taken);
  }
  return 0;
}

/* Run once, after that: connections that have begun before it. */
SEC("iter/task_file") int mark_older(struct bpf_iter__task_file* context) {
  struct file* file = context->file;
  if (!file) return 0;
  struct socket* socket = bpf_sock_from_file(file);
  struct sock* sk = socket ? socket->sk : 0;
  if (!sk || sk->sk_protocol != IPPROTO_TCP || sk->sk_type != SOCK_STREAM) return 0;
  if (IN(sk->__sk_common.skc_state, 1 << BPF_TCP_CLOSE | 1 << BPF_TCP_LISTEN)) return 0;
  if (connection_of(sk)) return 0;
  const struct connection c = {.stage = OLDER};
  if (older_marked >= SX_CONNECT_OLDER || !add_to_crowd(sk, &c)) {
    ADD(lost, 1);
  } else {
    ADD(older_marked, 1);
  }
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
