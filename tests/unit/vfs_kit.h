/*
 * vfs_kit: the calls that SQLite makes to its files in this process, and any
 * of them failing on demand.
 */
#ifndef TESTS_UNIT_VFS_KIT_H
#define TESTS_UNIT_VFS_KIT_H

#include <stdbool.h>
#include <stdint.h>

enum vfs_kind {
    VFS_OPEN = 1,
    VFS_READ = 2,
    VFS_WRITE = 4,
    VFS_SYNC = 8,
    VFS_TRUNCATE = 16,
    VFS_SIZE = 32,
    VFS_LOCK = 64, /* of the database file */
    VFS_SHM = 128, /* mapping and locking; unlocking never fails */
    VFS_ANY = 255,
    VFS_WAL = 256 /* with others: only those on a journal */
};

/* Before any file is opened. For the rest of the process. */
void vfs_kit_begin(void);
/* From now on the n-th such call (1 = the next) answers `code`; the second:
 * and all that follow. */
void vfs_fail_at(unsigned kinds, int code, uint64_t n);
void vfs_fail_from(unsigned kinds, int code, uint64_t n);
/* Such calls are counted and told to `seen`, and none fails. */
void vfs_watch(unsigned kinds, void (*seen)(uint64_t nth));
void vfs_fail_never(void);
/* How many have failed since. */
uint64_t vfs_failed(void);

#endif
