/*
 * commits: the commit counter that all processes on one state file share,
 * in a small mapped file beside it (<state.db>-commits). It answers, by a few
 * atomic loads: has anybody else committed since? Private to state/.
 *
 * The file holds two numbers that only grow. A writer, while it holds
 * SQLite's write lock, takes the ticket t = begun + 1 and stores begun = t,
 * commits, and then raises ended to t (to the greater of the two: with the
 * COMMIT the lock went, and somebody else may have raised it further).
 *
 * Each process keeps two numbers of its own: `own`, how many tickets it took,
 * and `last`, what begun was when it last held the write lock (its own ticket
 * included). begun - own is then the number of foreign tickets, and does not
 * move when we commit. The stamp is that number (plus one, so that it is never
 * 0), provided no foreign transaction is between its ticket and its end; else
 * 0, which equals nothing.
 *
 * Claim: a stamp s != 0 was read, then a read transaction began, and a later
 * look gives s again. Then between the two no foreign commit was completed
 * that this transaction did not see.
 *
 * Proof. A reader loads, in this order, e = ended, b = begun, last, own,
 * b' = begun, and gives up (0) unless b = b'; so begun was b at every load in
 * between. It gives up too unless (1) last = b or (2) last < b and e = b.
 *  - `own` counts exactly our tickets up to b. None above b: a ticket t2 > b
 *    is counted after begun = t2 was stored, and b' would show it. All up to
 *    b: in case (1) `own` is stored before `last`; in case (2) e = b means
 *    that each of our tickets up to b was ended, by us or by a later holder
 *    of the lock, and we count a ticket before we commit it.
 *  - No foreign ticket up to b is under way. Case (1): begun was b while we
 *    held the write lock; whoever took a ticket before has committed, has
 *    failed, or is dead. Case (2): ended is raised to t by the writer of t after its COMMIT,
 *    or with a higher ticket's end, when that COMMIT is past or its process is
 *    gone.
 *  So what the stamp counts was committed before the read transaction began
 *  and is seen by it. A foreign commit after that had to take a ticket above
 *  b first: begun - own is then greater, for good, and the later look gives
 *  another number or 0. A race between the loads only ever ends in 0.
 *
 * A process killed between ticket and end, or a COMMIT that failed, leaves
 * ended < begun, and stamps 0. Its frames may all be in the WAL, where no
 * reader sees them: SQLite tells readers of them last. They would be found when
 * the last process is gone and the next one recovers the WAL: a change that
 * everybody saw had not come about would come about then. So the next holder of
 * the write lock writes over them (st__wal_overwrite), and only a COMMIT that
 * succeeded raises ended.
 *
 * The file is not trusted. It is created whole (no sparse page that a full
 * disk could refuse later), its size and identity are looked at before each
 * commit and by st__commits_unsettled (the keeper's round). Where it cannot be
 * mapped, stamps are 0 and every lookup asks a worker; and then this process
 * refuses to commit, since others would believe that nothing had changed. Who
 * cuts it to nothing under a running server kills it (SIGBUS), as with
 * SQLite's own -shm.
 */
#ifndef STATE_COMMITS_H
#define STATE_COMMITS_H

#include <stdatomic.h>
#include <sys/types.h>

#include "base/err.h"

struct commits_page;

/* Stores by the holder of the write lock only. */
struct commits {
    _Atomic(struct commits_page *) page; /* NULL: not mapped */
    _Atomic uint64_t own, last;
    char *path;
    _Atomic dev_t dev; /* of what is mapped */
    _Atomic ino_t ino;
    /* Pages that were replaced: a loop may still be reading one. */
    struct commits_page *old[8];
    int old_count;
};

/* Maps, creating if need be. A file that cannot be mapped is no failure:
 * ERR_NOMEM is the only one. Thread: startup */
MUST_USE enum err st__commits_open(struct commits *c, const char *state_path);
void st__commits_close(struct commits *c);

/* The next three: the caller holds SQLite's write lock. */

/* Nobody is between ticket and COMMIT now. Not 0: a ticket that has not ended,
 * of one that is dead, failed, or has just committed; its frames are to be
 * written over before anything is done, and then it is to be ended. */
uint64_t st__commits_settle(struct commits *c);
/* Before COMMIT. ERR_STORE_WRITE_FAILED: the counter cannot be kept. */
MUST_USE enum err st__commits_begin(struct commits *c, uint64_t *ret_ticket);
/* The stamp that vouches for what the holder of the lock sees. */
uint64_t st__commits_stamp_locked(const struct commits *c);

/* After a COMMIT that succeeded, or wrote over another's frames; ticket 0 does
 * nothing. */
void st__commits_end(struct commits *c, uint64_t ticket);

/* Thread: any */
uint64_t st__commits_stamp(const struct commits *c);
/* Is a ticket not ended? Then a holder of the write lock should settle.
 * Thread: any */
bool st__commits_unsettled(const struct commits *c);

#endif
