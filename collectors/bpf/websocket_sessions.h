/* Which TLS session belongs to which socket; for websocket_tls.bpf.c only.
 *
 * OpenSSL need not know of any socket: programs may carry what it encrypts themselves. But whoever
 * decrypts has just received, on the same thread. So a session belongs to the socket that its
 * thread had read from last when there was plaintext for the first time. */
#ifndef SOCKET_EXPORTER_WEBSOCKET_SESSIONS_H
#define SOCKET_EXPORTER_WEBSOCKET_SESSIONS_H

#include "collectors/bpf/websocket_roles.h"

#define MOST_SESSIONS 32768
#define MOST_READERS 1024

/* A function of OpenSSL that a thread is inside of. */
struct call {
  __u64 ssl; /* 0: none */
  __u64 buffer;
  __u64 count_at; /* where it says how many bytes those were; 0: it returns that */
};

/* The socket of interest that a thread has read from last. */
struct last_read {
  struct sx_websocket_key key;
  __u64 socket; /* its cookie; 0: none */
  __u32 role;
  __u32 unused;
};

struct thread {
  struct call call;
  __u64 shaken; /* the session whose handshake it is inside of */
  struct last_read last;
};

/* Addresses are those of one process. */
struct session_key {
  __u64 process;
  __u64 ssl;
};

struct session {
  struct connection connection;
  __u64 ssl;
  __u32 error;   /* of the socket when it was closed */
  __u32 has_fin; /* of the peer; what it sent before may not be decrypted yet */
};

struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct thread);
} threads SEC(".maps");

/* By the cookie of their socket, for as long as that is there. At most 640 bytes each. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, MOST_SESSIONS);
  __type(key, __u64);
  __type(value, struct session);
} sessions SEC(".maps");

/* The cookie of their socket. Nothing tells of those that ended with their process. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 2 * MOST_SESSIONS);
  __type(key, struct session_key);
  __type(value, __u64);
} sockets_of_sessions SEC(".maps");

/* Processes that read from sockets of interest and are not known to use OpenSSL: user space looks
 * at them, and empties this. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, MOST_READERS);
  __type(key, __u32);
  __type(value, __u32);
} readers SEC(".maps");

const __u8 no_session[sizeof(struct session)] = {};

static __always_inline __u64 this_process(void) {
  return bpf_get_current_pid_tgid() >> 32;
}

static __always_inline struct thread* this_thread(__u64 flags) {
  return bpf_task_storage_get(&threads, bpf_get_current_task_btf(), 0, flags);
}

static __always_inline void note_reader(void) {
  const __u32 process = this_process();
  bpf_map_update_elem(&readers, &process, &process, BPF_ANY);
}

/* Before it is decrypted. */
static __always_inline void note_read(struct sock* sk) {
  const enum role role = role_of_socket(sk);
  const int is_wanted = role != NO_ROLE || learns;
  struct thread* const t = this_thread(is_wanted ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
  if (!t) return;
  const __u64 socket = is_wanted ? bpf_get_socket_cookie(sk) : 0;
  if (t->last.socket == socket) return;
  t->last.socket = socket;
  if (!socket || bpf_map_lookup_elem(&sessions, &socket)) return;
  const __u32 port = sk->__sk_common.skc_num, peer_port = bpf_ntohs(sk->__sk_common.skc_dport);
  t->last.role = role;
  set_key(&t->last.key, sk, role == CLIENT ? peer_port : port);
  note_reader();
}

static __always_inline struct session* add_session(const struct last_read* last, __u64 ssl) {
  bpf_map_update_elem(&sessions, &last->socket, no_session, BPF_NOEXIST);
  struct session* s = bpf_map_lookup_elem(&sessions, &last->socket);
  if (!s) {
    ADD(lost, 1);
    return 0;
  }
  struct connection* const c = &s->connection;
  s->ssl = ssl;
  c->key = last->key;
  c->is_client = last->role == CLIENT;
  c->streams[SX_IN].phase = c->streams[SX_OUT].phase = GUESS;
  return s;
}

/* The session of a socket is one, also where fork() has given it to another process. */
static __always_inline struct session* join(struct thread* t, const struct session_key* key) {
  struct session* s = bpf_map_lookup_elem(&sessions, &t->last.socket);
  if (!s) s = add_session(&t->last, key->ssl);
  if (!s || s->ssl != key->ssl) return 0;
  bpf_map_update_elem(&sockets_of_sessions, key, &t->last.socket, BPF_ANY);
  return s;
}

#endif
