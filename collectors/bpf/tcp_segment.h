/* A TCP segment as a program of a cgroup sees it. */
#ifndef SOCKET_EXPORTER_TCP_SEGMENT_H
#define SOCKET_EXPORTER_TCP_SEGMENT_H

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

/* After the types that they work on. */
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct segment {
  __u32 sequence;
  __u32 acknowledged;
  __u32 payload; /* where it begins in the packet */
  __u32 length;  /* of it, at least 1 */
};

static __always_inline int is_after(__u32 sequence, __u32 other) {
  return (__s32)(sequence - other) > 0;
}

/* False for a packet without payload, and of another protocol. */
static __always_inline int read_segment(struct __sk_buff* skb, struct segment* s) {
  void* const packet = (void*)(long)skb->data;
  void* const end = (void*)(long)skb->data_end;
  struct iphdr* v4 = packet;
  struct ipv6hdr* v6 = packet;
  __u32 size = sizeof *v6;
  if ((void*)(v4 + 1) > end) return 0;
  if (v4->version == 4) {
    if (v4->protocol != IPPROTO_TCP) return 0;
    size = v4->ihl * 4;
  } else if ((void*)(v6 + 1) > end || v6->nexthdr != IPPROTO_TCP) {
    return 0;
  }
  struct tcphdr* tcp = packet + size;
  if ((void*)(tcp + 1) > end) return 0;
  s->payload = size + tcp->doff * 4;
  if (skb->len <= s->payload) return 0; /* the header's own length is 0 from 64 KiB on */
  s->length = skb->len - s->payload;
  s->sequence = bpf_ntohl(tcp->seq);
  s->acknowledged = bpf_ntohl(tcp->ack_seq);
  return 1;
}

#endif
