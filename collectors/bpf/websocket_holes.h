/* Keeps what came before its turn until that comes: TCP segments arrive out of order, on loopback
 * too. For websockets.bpf.c only. */
#ifndef SOCKET_EXPORTER_WEBSOCKET_HOLES_H
#define SOCKET_EXPORTER_WEBSOCKET_HOLES_H

#include "collectors/bpf/websocket_part.h"

#define CHUNK 4096
#define CHUNKS 1024 /* of all connections: 4 MiB */
#define HELD 256    /* of one */
#define SMALL 2048  /* what is put behind another in one chunk */

struct chunk {
  __u8 bytes[CHUNK];
};

struct held {
  __u64 from;
  __u32 length;
  __u32 chunk;
};

struct holes {
  __u32 count;
  __u32 at; /* the one that is looked at */
  struct held held[HELD];
};

/* Only while there are holes. */
struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct holes);
} holes SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, CHUNKS);
  __type(key, __u32);
  __type(value, struct chunk);
} chunks SEC(".maps");

/* Filled before the programs are attached. */
struct {
  __uint(type, BPF_MAP_TYPE_STACK);
  __uint(max_entries, CHUNKS);
  __uint(key_size, 0);
  __uint(value_size, sizeof(__u32));
} free_chunks SEC(".maps");

/* Of a part. */
struct bytes {
  struct __sk_buff* skb;
  struct chunk* chunk;
};

static __always_inline int find_bytes(struct bytes* bytes, struct __sk_buff* skb,
                                      const struct part* part) {
  bytes->skb = skb;
  bytes->chunk = 0;
  if (part->chunk == IN_PACKET) return 1;
  const __u32 index = part->chunk;
  bytes->chunk = bpf_map_lookup_elem(&chunks, &index);
  return bytes->chunk != 0;
}

/* `count` is 1 to 64. */
static __always_inline long read_bytes(const struct bytes* bytes, __u32 offset, void* to,
                                       __u32 count) {
  struct chunk* const chunk = bytes->chunk;
  if (chunk) return bpf_probe_read_kernel(to, count, &chunk->bytes[offset & (CHUNK - 1)]);
  return bpf_skb_load_bytes(bytes->skb, offset, to, count);
}

struct holding {
  struct __sk_buff* skb;
  struct holes* holes;
  __u64 from;
  __u64 to;
  __u32 offset;
  __u32 has_failed;
};

/* Many small segments share a chunk. */
static __always_inline int append(struct holding* h, __u32 length) {
  const __u32 count = h->holes->count;
  if (!count || length > SMALL) return 0;
  length = show_range(length, SMALL);
  struct held* last = &h->holes->held[(count - 1) & (HELD - 1)];
  const __u32 at = last->length;
  __u32 index = last->chunk;
  if (at > CHUNK - SMALL || last->from + at != h->from) return 0;
  struct chunk* chunk = bpf_map_lookup_elem(&chunks, &index);
  if (!chunk || bpf_skb_load_bytes(h->skb, h->offset, &chunk->bytes[at], length)) return 0;
  last->length = at + length;
  return 1;
}

static __always_inline int add_chunk(struct holding* h, __u32 length) {
  const __u32 count = h->holes->count;
  __u32 index = 0;
  if (count >= HELD || bpf_map_pop_elem(&free_chunks, &index)) return 0;
  struct chunk* chunk = bpf_map_lookup_elem(&chunks, &index);
  if (!chunk) return 0;
  length = show_range(length, CHUNK);
  if (bpf_skb_load_bytes(h->skb, h->offset, chunk->bytes, length)) {
    bpf_map_push_elem(&free_chunks, &index, 0);
    return 0;
  }
  const struct held added = {.from = h->from, .length = length, .chunk = index};
  h->holes->held[count & (HELD - 1)] = added;
  h->holes->count = count + 1;
  return 1;
}

static long hold_some(__u32 i, struct holding* h) {
  if (h->from >= h->to) return 1;
  const __u64 left = h->to - h->from;
  const __u32 length = left > CHUNK ? CHUNK : left;
  if (!append(h, length) && !add_chunk(h, length)) {
    h->has_failed = 1;
    return 1;
  }
  h->from += length;
  h->offset += length;
  return 0;
}

/* Copies a part of the packet. False where there is no room. */
__noinline int hold(struct __sk_buff* skb, struct holes* into, struct part* part) {
  if (!into || !part) return 0;
  struct holding h = {
      .skb = skb, .holes = into, .from = part->from, .to = part->to, .offset = part->offset};
  bpf_loop(HELD + 1, hold_some, &h, 0);
  if (h.has_failed) ADD(pool_exhausted, 1);
  return !h.has_failed;
}

static long release_one(__u32 i, struct holes** from) {
  struct holes* h = *from;
  if (i >= h->count) return 1;
  __u32 index = h->held[i & (HELD - 1)].chunk;
  bpf_map_push_elem(&free_chunks, &index, 0);
  return 0;
}

__noinline int release(struct holes* h) {
  if (!h) return 0;
  bpf_loop(HELD, release_one, &h, 0);
  h->count = 0;
  return 0;
}

#endif
