/*
 * verify: is the whole record of a state file as it was written? Every
 * session's chain, evidence, row and claims (engine/audit.h), the pinned
 * definitions, and the store's own chain, which says what sessions there are.
 *
 * What it cannot see: a consistent rewrite of everything by somebody who can
 * write the file. A head kept elsewhere (report, export) shows that too.
 */
#ifndef ENGINE_VERIFY_H
#define ENGINE_VERIFY_H

#include "engine/audit.h"

/* Feeds one session of the store to the audit. `anchor` is the event that
 * the store's chain knows by its hash; NULL: none. Thread: that of tx */
struct verify_anchor {
    int64_t seq;
    uint8_t hash[SHA256_SIZE];
};
MUST_USE enum err eng__verify_session(struct st_tx *tx, struct slice id,
                                      const struct verify_anchor *anchor,
                                      struct audit *au, int64_t *ret_events,
                                      struct st_session *ret_row);

#endif
