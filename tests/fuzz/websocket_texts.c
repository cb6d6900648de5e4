#include "tests/fuzz/websocket_texts.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

/* Instead of libbpf's headers, and of the types of the kernel. */
#define __BPF_HELPERS__
#define __BPF_CORE_READ_H__
#define __BPF_TRACING_H__
#define SOCKET_EXPORTER_KERNEL_TYPES_H
#define SEC(name)
#define __uint(name, value) int(*name)[value]
#define __type(name, value) value* name
#undef __always_inline
#define __always_inline inline
#define __noinline

static struct {
  const unsigned char* bytes;
  size_t size;
} text;

static long bpf_probe_read_user(void* to, __u32 count, const void* from) {
  const unsigned char* const bytes = from;
  if (bytes < text.bytes || count > (size_t)(text.bytes + text.size - bytes)) abort();
  memcpy(to, bytes, count);
  return 0;
}

static long bpf_loop(__u32 count, void* callback, void* context, __u64 flags) {
  long (*const call)(__u32, void*) = callback;
  for (__u32 i = 0; i < count; i++) {
    if (call(i, context)) return i + 1;
  }
  return count;
}

static __u64 bpf_ktime_get_ns(void) {
  static __u64 now;
  return now += 1000;
}

static struct sx_websocket_slot* the_slot(void);

static void* bpf_map_lookup_elem(void* map, const void* key) {
  return the_slot();
}

static long bpf_map_update_elem(void* map, const void* key, const void* value, __u64 flags) {
  return -1;
}

static long bpf_map_pop_elem(void* map, void* value) {
  return -1;
}

static long bpf_map_push_elem(void* map, const void* value, __u64 flags) {
  return -1;
}

#include "collectors/bpf/websocket_texts.h"

static struct connection connection;
static struct sx_websocket_slot slot;

static struct sx_websocket_slot* the_slot(void) {
  return &slot;
}

void begin_texts(int is_client, int found) {
  memset(&connection, 0, sizeof connection);
  memset(&slot, 0, sizeof slot);
  slot.tag = connection.place.tag = 1;
  connection.is_client = is_client;
  connection.is_new = !found;
  connection.streams[SX_IN].phase = found ? GUESS : HEAD;
  connection.streams[SX_OUT].phase = found ? GUESS : SEARCH;
  desynced = 0;
}

void take_text(const unsigned char* bytes, size_t size, int is_written) {
  text.bytes = bytes;
  text.size = size;
  take_plaintext(&connection, (__u64)bytes, size, is_written);
}

struct texts_count count_texts(void) {
  const struct texts_count counted = {slot.counts, connection.close_code, desynced};
  return counted;
}
