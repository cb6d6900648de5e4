/* Functions of OpenSSL that a thread is inside of: how they begin, and what comes of them; for
 * websocket_tls.bpf.c only. */
#ifndef SOCKET_EXPORTER_WEBSOCKET_CALLS_H
#define SOCKET_EXPORTER_WEBSOCKET_CALLS_H

#include "collectors/bpf/websocket_sessions.h"
#include "collectors/bpf/websocket_texts.h"

static __always_inline __u64 argument(void* registers, int index) {
  struct pt_regs___x86* x86 = registers;
  struct pt_regs___arm64* arm64 = registers;
  if (!bpf_core_field_exists(x86->di)) { /* where neither is there, this program does not load */
    return BPF_CORE_READ(arm64, regs[index]);
  }
  return index == 0   ? BPF_CORE_READ(x86, di)
         : index == 1 ? BPF_CORE_READ(x86, si)
                      : BPF_CORE_READ(x86, cx);
}

static __always_inline __s32 returned(void* registers) {
  struct pt_regs___x86* x86 = registers;
  struct pt_regs___arm64* arm64 = registers;
  return bpf_core_field_exists(x86->ax) ? BPF_CORE_READ(x86, ax) : BPF_CORE_READ(arm64, regs[0]);
}

static __always_inline int begin_call(void* registers, __u64 count_at) {
  struct thread* const t = this_thread(BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!t) return 0;
  t->call.ssl = argument(registers, 0);
  t->call.buffer = argument(registers, 1);
  t->call.count_at = count_at;
  return 0;
}

static __always_inline int begins_request(__u64 address) {
  __u32 start = 0;
  if (bpf_probe_read_user(&start, sizeof start, (const void*)address)) return 0;
  return start == *(const __u32*)sx_request;
}

/* A thread that wrote first has not read yet what is of this session: only its peer's bytes tell
 * the socket. */
static __always_inline struct session* session_of(struct thread* t, const struct call* call,
                                                  int is_written) {
  const struct session_key key = {.process = this_process(), .ssl = call->ssl};
  const __u64* socket = bpf_map_lookup_elem(&sockets_of_sessions, &key);
  if (socket) {
    struct session* s = bpf_map_lookup_elem(&sessions, socket);
    if (s || *socket == t->last.socket) return s; /* closed */
  }
  if (is_written || !t->last.socket) return 0;
  if (t->last.role == NO_ROLE && !begins_request(call->buffer)) return 0;
  return join(t, &key);
}

static __always_inline int end_call(void* registers, int is_written) {
  struct thread* const t = this_thread(0);
  if (!t || !t->call.ssl) return 0;
  const struct call call = t->call;
  t->call.ssl = 0;
  const __s32 result = returned(registers);
  __u64 length = result;
  if (result <= 0) return 0;
  if (call.count_at && bpf_probe_read_user(&length, sizeof length, (const void*)call.count_at)) {
    return 0;
  }
  struct session* s = length ? session_of(t, &call, is_written) : 0;
  if (s) take_plaintext(&s->connection, call.buffer, length, is_written);
  return 0;
}

#endif
