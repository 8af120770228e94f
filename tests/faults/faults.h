/*
 * faults: what can be made to go wrong inside phasegate-faulty, the product's
 * own objects linked with --wrap around a few calls (tests/CMakeLists.txt);
 * nothing of this is in the product.
 *
 * A test maps a file with a struct faults, names it in PHASEGATE_FAULTS in the
 * environment of the program, and writes what shall happen at which call. Both
 * may do so at any time: fields are atomic, `what` is written last.
 *
 * Calls are those that SQLite makes to its VFS on the state file and what lies
 * beside it under that name (-wal, -journal); the search index is not counted.
 */
#ifndef TESTS_FAULTS_FAULTS_H
#define TESTS_FAULTS_FAULTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
    FAULT_OPEN,
    FAULT_READ,
    FAULT_WRITE,
    FAULT_SYNC,
    FAULT_TRUNCATE,
    FAULT_LOCK, /* of the database file */
    FAULT_SHM,  /* mapping and locking the -shm; unlocking never fails */
    FAULT_UNLINK,
    FAULT_KINDS
};

enum fault_what {
    FAULT_NONE,
    FAULT_ERROR, /* the call answers `code`; a write has written half */
    FAULT_KILL,  /* SIGKILL before the call; of a write, after half of it */
    FAULT_POWER, /* the same, and what was not synced is lost; see power.c */
    FAULT_SLOW   /* the call takes `code` ms longer */
};

struct faults {
    _Atomic uint32_t what, kinds; /* kinds: bits 1 << enum fault_kind */
    _Atomic int32_t code;         /* SQLITE_...; READONLY of an open: it opens
                                     for reading only */
    _Atomic uint64_t at;          /* the n-th such call, from 1 */
    _Atomic bool lasts;           /* and all after it */
    _Atomic uint64_t seed;        /* FAULT_POWER: which sectors are kept */
    _Atomic uint64_t seen, fired; /* such calls since the test set it to 0 */
    _Atomic bool tracks;          /* before the start: FAULT_POWER is coming */
    _Atomic int64_t wall_ns;      /* added to the clock on the wall */
};

#ifdef FAULTS_INSIDE
/* The page of the test; an empty one when there is none. */
extern struct faults *faults;
/* Counts the call. True: it shall fail, with faults->code. Does not return
 * when the process shall die, unless `half` is there: then *half is set, and
 * the caller writes half and calls faults_die. */
bool faults_strike(enum fault_kind kind, bool *half);
_Noreturn void faults_die(void);

/* power.c: what was not synced, in order. Under one lock, together with the
 * call itself. */
struct power_file;
void power_begin(void);
void power_end(void);
/* The file of this name, which the program opens; the same for each opening. */
struct power_file *power_file(const char *path, bool created);
/* Before the call: the bytes that are there, whose number is `old_n`. */
void power_write(struct power_file *f, const void *p, int n, int64_t at);
void power_truncate(struct power_file *f, int64_t n);
void power_synced(struct power_file *f);
/* Undoes what the disk has lost. */
void power_cut(uint64_t seed);
#endif
#endif
