/* How our programs count in plain hashes; for these only. */
#ifndef SOCKET_EXPORTER_TABLES_H
#define SOCKET_EXPORTER_TABLES_H

#include <linux/bpf.h>

/* After the types that it works on. */
#include <bpf/bpf_helpers.h>

#define ADD(counter, number) __sync_fetch_and_add(&(counter), number)

/* Null where there is no room. */
static __always_inline void* find_or_add(void* map, const void* key, const void* nothing) {
  void* found = bpf_map_lookup_elem(map, key);
  if (found) return found;
  bpf_map_update_elem(map, key, nothing, BPF_NOEXIST);
  return bpf_map_lookup_elem(map, key);
}

#endif
