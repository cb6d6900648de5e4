/* How TLS looks from outside; for responses.bpf.c only. */
#ifndef SOCKET_EXPORTER_TLS_RECORDS_H
#define SOCKET_EXPORTER_TLS_RECORDS_H

#include <linux/types.h>

/* From TLS 1.3 on all that is encrypted looks like data. */
enum record_type { CHANGE_CIPHER_SPEC = 20, ALERT, HANDSHAKE, DATA };

#define CLIENT_HELLO 1
#define RECORD_HEADER 5 /* bytes */
#define ENCRYPTED_ALERT (2 + 1 + 16)
#define ENCRYPTED_FINISHED_SHA256 (4 + 32 + 1 + 16)
#define ENCRYPTED_FINISHED_SHA384 (4 + 48 + 1 + 16)

struct record {
  __u8 type;
  __u8 version[2];
  __u8 length[2];
  __u8 message; /* the first byte inside */
};

/* A ChangeCipherSpec is as long as this header: what is behind one is the second. */
struct records {
  struct record first;
  struct record second;
};

static __always_inline int is_record(const struct record* r) {
  return r->type >= CHANGE_CIPHER_SPEC && r->type <= DATA && r->version[0] == 3 &&
         r->version[1] <= 4;
}

static __always_inline __u32 size_of(const struct record* r) {
  return RECORD_HEADER + (r->length[0] << 8 | r->length[1]);
}

/* Encrypted messages of TLS 1.2 begin with anything, but are short. */
static __always_inline int is_client_hello(const struct record* r) {
  return is_record(r) && r->type == HANDSHAKE && r->message == CLIENT_HELLO && size_of(r) > 96;
}

/* A segment of that length is about the connection itself. */
static __always_inline int is_control(const struct record* r, __u32 length) {
  if (!is_record(r)) return 0;
  return r->type != DATA || (size_of(r) == length && length == RECORD_HEADER + ENCRYPTED_ALERT);
}

#endif
