/* A TCP segment as a program of a cgroup sees it. */
#ifndef SOCKET_EXPORTER_TCP_SEGMENT_H
#define SOCKET_EXPORTER_TCP_SEGMENT_H

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>

/* After the types that they work on. */
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define LARGEST_IP_HEADER 60 /* RFC 791, 3.1 */
#define HOP_BY_HOP 0         /* RFC 8200, 4.3 */

/* <linux/ipv6.h> has types of the same names as kernel_types.h. */
struct ipv6_header {
  __u8 before[6];
  __u8 next;
  __u8 rest[33];
};

struct ipv6_options {
  __u8 next;
  __u8 length; /* in 8 bytes, less the first 8 */
  __u8 rest[6];
};

struct segment {
  __u32 payload; /* where it begins in the packet */
  __u32 length;  /* of the payload */
  __u32 sequence;
  __u32 acknowledged;
  __u32 is_last;
};

/* 0 for another protocol. */
static __always_inline __u32 offset_of_tcp(void* packet, void* end) {
  struct iphdr* v4 = packet;
  struct ipv6_header* v6 = packet;
  if ((void*)(v4 + 1) > end) return 0;
  if (v4->version == 4) return v4->protocol == IPPROTO_TCP ? v4->ihl * 4 : 0;
  if ((void*)(v6 + 1) > end) return 0;
  if (v6->next == IPPROTO_TCP) return sizeof *v6;
  /* From 64 KiB on the length is there (RFC 2675). */
  struct ipv6_options* options = (void*)(v6 + 1);
  if (v6->next != HOP_BY_HOP || (void*)(options + 1) > end || options->length) return 0;
  return options->next == IPPROTO_TCP ? sizeof *v6 + sizeof *options : 0;
}

/* False where there is neither payload nor a FIN, and for a SYN. */
static __always_inline int read_segment(struct __sk_buff* skb, struct segment* s) {
  void* const packet = (void*)(long)skb->data;
  void* const end = (void*)(long)skb->data_end;
  const __u32 offset = offset_of_tcp(packet, end);
  if (!offset || offset > LARGEST_IP_HEADER) return 0;
  struct tcphdr* tcp = packet + offset;
  if ((void*)(tcp + 1) > end || tcp->syn) return 0;
  s->payload = offset + tcp->doff * 4;
  s->length = skb->len > s->payload ? skb->len - s->payload : 0; /* IP's own is 0 from 64 KiB on */
  s->sequence = bpf_ntohl(tcp->seq);
  s->acknowledged = bpf_ntohl(tcp->ack_seq);
  s->is_last = tcp->fin;
  return s->length || s->is_last;
}

#endif
