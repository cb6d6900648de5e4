/* The few kernel types that our programs read, by name. CO-RE finds the real offsets at load time,
 * so a field's place and neighbours here mean nothing. */
#ifndef SOCKET_EXPORTER_KERNEL_TYPES_H
#define SOCKET_EXPORTER_KERNEL_TYPES_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct timespec64 {
  __s64 tv_sec;
};

struct inet_hashinfo {
  struct inet_ehash_bucket* ehash;
  unsigned int ehash_mask;
};

struct inet_timewait_death_row {
  struct inet_hashinfo* hashinfo;
};

struct netns_ipv4 {
  struct inet_timewait_death_row tcp_death_row;
};

struct ns_common {
  unsigned int inum;
};

struct net {
  struct ns_common ns;
  struct netns_ipv4 ipv4;
};

struct nsproxy {
  struct net* net_ns;
};

struct task_struct {
  struct nsproxy* nsproxy;
};

typedef struct {
  struct net* net;
} possible_net_t;

struct hlist_nulls_node {
  struct hlist_nulls_node* next;
};

typedef struct {
  int counter;
} atomic_t;

typedef struct {
  atomic_t refs;
} refcount_t;

struct in6_addr {
  union {
    __be32 u6_addr32[4];
  } in6_u;
};

struct sock_common {
  __be32 skc_daddr;
  __be32 skc_rcv_saddr;
  __be16 skc_dport;
  __u16 skc_num;
  unsigned short skc_family;
  volatile unsigned char skc_state;
  possible_net_t skc_net;
  struct in6_addr skc_v6_daddr;
  struct in6_addr skc_v6_rcv_saddr;
  struct hlist_nulls_node skc_nulls_node;
  refcount_t skc_refcnt;
};

struct timer_list {
  unsigned long expires;
};

struct inet_timewait_sock {
  unsigned char tw_substate;
  struct timer_list tw_timer;
};

struct tcp_sock {
  __u32 rcv_nxt;
  __u32 copied_seq;
  __u32 write_seq;
  __u32 snd_una;
};

#pragma clang attribute pop

#endif
