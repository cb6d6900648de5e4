// SPDX-License-Identifier: GPL-2.0
// Counts WebSocket connections inside of TLS, from what programs give to OpenSSL and get from it.
#include <linux/in.h>

#include "collectors/bpf/websocket_calls.h"

/* SSL_read() and SSL_write(); of SSL_sendfile() no address of a buffer is taken. */
SEC("uprobe") int begin_io(void* registers) {
  return begin_call(registers, 0);
}

/* SSL_read_ex() and SSL_write_ex(). */
SEC("uprobe") int begin_io_ex(void* registers) {
  return begin_call(registers, argument(registers, 3));
}

SEC("uretprobe") int end_read(void* registers) {
  return end_call(registers, 0);
}

SEC("uretprobe") int end_write(void* registers) {
  return end_call(registers, 1);
}

SEC("uprobe") int begin_handshake(void* registers) {
  struct thread* const t = this_thread(BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (t) t->shaken = argument(registers, 0);
  return 0;
}

/* It ends with something read. */
SEC("uretprobe") int end_handshake(void* registers) {
  struct thread* const t = this_thread(0);
  if (!t || !t->shaken) return 0;
  const struct session_key key = {.process = this_process(), .ssl = t->shaken};
  t->shaken = 0;
  if (returned(registers) != 1 || !t->last.socket || t->last.role == NO_ROLE) return 0;
  if (bpf_map_lookup_elem(&sessions, &t->last.socket)) return 0;
  struct session* s = join(t, &key);
  if (!s) return 0;
  s->connection.is_new = 1;
  s->connection.streams[SX_IN].phase = HEAD;
  s->connection.streams[SX_OUT].phase = SEARCH;
  return 0;
}

/* SSL_free() and SSL_clear(): the address may be another session's. The socket may live on. */
SEC("uprobe") int end_session(void* registers) {
  const struct session_key key = {.process = this_process(), .ssl = argument(registers, 0)};
  bpf_map_delete_elem(&sockets_of_sessions, &key);
  return 0;
}

/* A socket that is closed has no port any more to tell whether it is of interest. */
static __always_inline struct session* session_on(struct sock* sk) {
  const __u64 socket = bpf_get_socket_cookie(sk);
  return bpf_map_lookup_elem(&sessions, &socket);
}

static __always_inline void end(struct session* s) {
  struct connection* const c = &s->connection;
  if (s->has_fin) {
    end_connection(c, SX_ABNORMAL_FIN, other_end(c));
  } else {
    end_by_error(c, s->error);
  }
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(follow_state, struct sock* sk, int before, int state) {
  if (sk->sk_protocol != IPPROTO_TCP) return 0;
  if (state == BPF_TCP_LISTEN) {
    if (role_of_socket(sk) == SERVER) note_reader();
    return 0;
  }
  if (state < BPF_TCP_FIN_WAIT1) return 0;
  struct session* const s = session_on(sk);
  if (!s) return 0;
  if (state == BPF_TCP_FIN_WAIT1) {
    end_connection(&s->connection, SX_ABNORMAL_FIN, this_end(&s->connection));
  } else if (state == BPF_TCP_CLOSE_WAIT) {
    s->has_fin = 1;
  } else if (state == BPF_TCP_LAST_ACK) {
    end(s);
  } else if (state == BPF_TCP_CLOSE) {
    s->error = sk->sk_err;
  }
  return 0;
}

/* No process has it any more. */
SEC("tp_btf/tcp_destroy_sock") int BPF_PROG(follow_end, struct sock* sk) {
  struct session* const s = session_on(sk);
  if (!s) return 0;
  end(s);
  const __u64 socket = bpf_get_socket_cookie(sk);
  bpf_map_delete_elem(&sessions, &socket);
  return 0;
}

SEC("tp_btf/tcp_rcv_space_adjust") int BPF_PROG(follow_read, struct sock* sk) {
  note_read(sk);
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
