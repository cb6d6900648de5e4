/* Reads at any kernel address, which may hold nothing; for eBPF programs only. */
#ifndef SOCKET_EXPORTER_ANY_ADDRESS_H
#define SOCKET_EXPORTER_ANY_ADDRESS_H

#include <linux/bpf.h>

#include "collectors/bpf/kernel_types.h"

/* After the types that they work on. */
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
extern void* bpf_rdonly_cast(const void* object, __u32 btf_id) __ksym __weak;

#define CAST(type, address) \
  ((struct type*)bpf_rdonly_cast((void*)(address), bpf_core_type_id_kernel(struct type)))

/* A number at any kernel address. */
static __always_inline __u64 read64(__u64 address) {
  return CAST(timespec64, address)->tv_sec;
}

#endif
