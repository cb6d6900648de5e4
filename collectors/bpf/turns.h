/* A request and what may be its answer; plain C, so that tests drive the same code.
 *
 * Packets go out under the lock of their socket, but come in on any CPU at any time: also when
 * their connection has ended and another one is in its place. So what comes in first tells the
 * time, then makes sure that its connection is there still, and takes no turn that has begun since.
 */
#ifndef SOCKET_EXPORTER_TURNS_H
#define SOCKET_EXPORTER_TURNS_H

#include <linux/types.h>

/* Times are nanoseconds, and never the same for two turns. */
struct sx_turn {
  __u64 asked_at; /* when the request went out; 0: none is without an answer */
  __u64 heard_at; /* when data came that may be no answer; of this turn only if after that */
};

#define SX_TURN static inline __attribute__((always_inline))

/* Seen by any CPU after what was written before. */
SX_TURN void begin_turn(struct sx_turn* turn, __u64 now) {
  __sync_lock_test_and_set(&turn->asked_at, now);
}

/* When what comes in now was asked for, before what is read after; 0: it was not. */
SX_TURN __u64 turn_before(struct sx_turn* turn, __u64 now) {
  const __u64 asked_at = __sync_fetch_and_add(&turn->asked_at, 0);
  return asked_at <= now ? asked_at : 0;
}

/* Whether that turn was still without an answer. */
SX_TURN int answer_turn(struct sx_turn* turn, __u64 asked_at) {
  return __sync_val_compare_and_swap(&turn->asked_at, asked_at, 0) == asked_at;
}

/* The time that the data took that may be no answer; 0: there were none. */
SX_TURN __u64 end_turn(struct sx_turn* turn) {
  const __u64 asked_at = __sync_lock_test_and_set(&turn->asked_at, 0);
  return asked_at && turn->heard_at > asked_at ? turn->heard_at - asked_at : 0;
}

#endif
