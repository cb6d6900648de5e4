/* The few kernel types that our programs read, by name. CO-RE finds the real offsets at load time,
 * so a field's place and neighbours here mean nothing. */
#ifndef SOCKET_EXPORTER_KERNEL_TYPES_H
#define SOCKET_EXPORTER_KERNEL_TYPES_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct timespec64 {
  __s64 tv_sec;
};

struct hlist_nulls_node {
  struct hlist_nulls_node* next;
};

struct hlist_nulls_head {
  struct hlist_nulls_node* first;
};

struct hlist_node {
  struct hlist_node* next;
};

struct hlist_head {
  struct hlist_node* first;
};

struct inet_listen_hashbucket {
  struct hlist_nulls_head nulls_head;
};

struct inet_bind_hashbucket {
  struct hlist_head chain;
};

struct inet_hashinfo {
  struct inet_ehash_bucket* ehash;
  unsigned int ehash_mask;
  struct inet_bind_hashbucket* bhash;
  unsigned int bhash_size;
  unsigned int lhash2_mask;
  struct inet_listen_hashbucket* lhash2;
};

struct udp_hslot {
  struct hlist_head head;
};

struct udp_table {
  struct udp_hslot* hash;
  unsigned int mask;
};

struct inet_timewait_death_row {
  struct inet_hashinfo* hashinfo;
  int sysctl_max_tw_buckets;
};

struct local_ports {
  __u32 range; /* the first port in the low half, since Linux 6.8 */
};

struct netns_ipv4 {
  struct inet_timewait_death_row tcp_death_row;
  struct udp_table* udp_table;
  struct local_ports ip_local_ports;
  unsigned char sysctl_tcp_tw_reuse;
  unsigned int sysctl_tcp_tw_reuse_delay; /* since Linux 6.13 */
  int sysctl_tcp_fin_timeout;
  unsigned char sysctl_tcp_timestamps;
  unsigned long* sysctl_local_reserved_ports;
};

struct netns_core {
  int sysctl_somaxconn;
};

struct list_head {
  struct list_head* next;
  struct list_head* prev;
};

struct ns_common {
  const void* ops;
  unsigned int inum;
};

struct net {
  struct ns_common ns;
  __u32 hash_mix;
  struct list_head list;
  struct netns_core core;
  struct netns_ipv4 ipv4;
  __u64 net_cookie;
};

struct nsproxy {
  struct net* net_ns;
};

struct rlimit {
  __kernel_ulong_t rlim_cur;
};

struct signal_struct {
  struct rlimit rlim[16];
};

struct kernfs_node {
  __u64 id;
};

struct cgroup {
  struct kernfs_node* kn;
};

struct css_set {
  struct cgroup* dfl_cgrp;
};

struct pid_namespace;

struct upid {
  int nr;
  struct pid_namespace* ns; /* makes it as large as the kernel's: there is an array of them */
};

struct pid {
  unsigned int level;
  struct upid numbers[1];
};

struct file;

struct fdtable {
  unsigned int max_fds;
  struct file** fd;
};

struct files_struct {
  struct fdtable* fdt;
};

struct task_struct {
  struct nsproxy* nsproxy;
  int pid;
  int tgid;
  struct task_struct* group_leader;
  struct pid* thread_pid;
  char comm[16];
  struct files_struct* files;
  struct signal_struct* signal;
  struct css_set* cgroups;
};

typedef struct {
  struct net* net;
} possible_net_t;

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
  struct hlist_node skc_bind_node;
  struct hlist_node skc_node;
  struct hlist_nulls_node skc_nulls_node;
  refcount_t skc_refcnt;
};

struct sk_buff_head {
  __u32 qlen;
};

struct sock_cgroup_data {
  struct cgroup* cgroup;
};

struct sock {
  struct sock_common __sk_common;
  struct sk_buff_head sk_receive_queue;
  int sk_wmem_queued;
  struct {
    atomic_t rmem_alloc;
  } sk_backlog;
  refcount_t sk_wmem_alloc;
  struct socket* sk_socket;
  __u16 sk_protocol;
  __u16 sk_type;
  int sk_err;
  __u32 sk_ack_backlog;
  __u32 sk_max_ack_backlog;
  struct sock_cgroup_data sk_cgrp_data;
};

struct inet_sock {
  __be16 inet_sport;
};

struct udp_sock {
  int forward_deficit;
};

struct socket {
  struct sock* sk;
};

struct inode {
  unsigned short i_mode;
  unsigned long i_ino;
};

struct socket_alloc {
  struct socket socket;
  struct inode vfs_inode;
};

struct inet_bind_bucket {
  possible_net_t ib_net;
  unsigned short port;
  signed char fastreuse;
  signed char fastreuseport;
  struct hlist_node node;
  struct hlist_head bhash2; /* since 6.8 */
};

struct inet_bind2_bucket {
  possible_net_t ib_net;
  unsigned short port;
  struct hlist_node bhash_node;
  struct hlist_head owners;
};

typedef struct {
  __s64 counter;
} atomic64_t;

typedef struct {
  atomic64_t refcnt;
} file_ref_t;

struct file {
  file_ref_t f_ref;
  void* private_data;
  struct inode* f_inode;
};

/* Before Linux 6.13, "fs: port files to file_ref". */
struct file___old {
  atomic64_t f_count;
};

struct timer_list {
  unsigned long expires;
};

struct inet_timewait_sock {
  unsigned char tw_substate;
  struct timer_list tw_timer;
};

struct seq_file;

struct bpf_iter_meta {
  struct seq_file* seq;
};

struct bpf_iter__task {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
};

struct bpf_iter__task_file {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
  __u32 fd;
  struct file* file;
};

struct tcp_sock {
  __u32 rcv_nxt;
  __u32 copied_seq;
  __u32 write_seq;
  __u32 snd_una;
  __u32 segs_out;
};

/* The registers of a program: of a function its first arguments, and what it returns. */
struct pt_regs___x86 {
  unsigned long di;
  unsigned long si;
  unsigned long cx;
  unsigned long ax;
};

struct pt_regs___arm64 {
  __u64 regs[31];
  __u64 orig_x0;
};

struct trace_event_raw_sys_exit {
  long ret;
};

#pragma clang attribute pop

#endif
