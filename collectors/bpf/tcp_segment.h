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

#define MOST_EXTENSIONS 4 /* headers between that of IPv6 and TCP's */

/* <linux/ipv6.h> has types of the same names as kernel_types.h. */
struct ipv6_header {
  __u8 before[6];
  __u8 next;
  __u8 rest[33];
};

/* RFC 8200, 4.3 to 4.6; segments above 64 KiB have one, too (RFC 2675). */
#define HOP_BY_HOP 0
#define ROUTING 43
#define DESTINATION_OPTIONS 60
struct ipv6_extension {
  __u8 next;
  __u8 size; /* in 8 bytes, without the first 8 */
  __u8 rest[6];
};

struct segment {
  __u32 payload; /* where it begins in the packet */
  __u32 length;  /* of the payload */
  __u32 sequence;
  __u32 acknowledged;
  __u32 is_last;
};

static __always_inline int is_extension(__u8 protocol) {
  return protocol == HOP_BY_HOP || protocol == ROUTING || protocol == DESTINATION_OPTIONS;
}

/* 0 for another protocol. */
static __always_inline __u32 skip_extensions(void* packet, void* end, __u8 protocol) {
  __u64 offset = sizeof(struct ipv6_header);
  for (int i = 0; i < MOST_EXTENSIONS && is_extension(protocol); i++) {
    struct ipv6_extension* extension = packet + offset;
    if ((void*)(extension + 1) > end) return 0;
    protocol = extension->next;
    offset += (extension->size + 1) * 8;
  }
  return protocol == IPPROTO_TCP ? offset : 0;
}

/* 0 for another protocol. */
static __always_inline __u32 offset_of_tcp(void* packet, void* end) {
  struct iphdr* v4 = packet;
  struct ipv6_header* v6 = packet;
  if ((void*)(v4 + 1) > end) return 0;
  if (v4->version == 4) return v4->protocol == IPPROTO_TCP ? v4->ihl * 4 : 0;
  if ((void*)(v6 + 1) > end) return 0;
  return v6->next == IPPROTO_TCP ? sizeof *v6 : skip_extensions(packet, end, v6->next);
}

/* False where there is neither payload nor a FIN, and for a SYN. */
static __always_inline int read_segment(struct __sk_buff* skb, struct segment* s) {
  void* const packet = (void*)(long)skb->data;
  void* const end = (void*)(long)skb->data_end;
  const __u32 offset = offset_of_tcp(packet, end);
  if (!offset) return 0;
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
