#include "tests/unit/vfs_kit.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stddef.h>

#include "state/sqlite_setup.h"
#include "tests/runner/test.h"

/* --- which call fails -------------------------------------------------------
 */

static struct {
    _Atomic unsigned kinds;
    _Atomic int code; /* 0: none fails */
    _Atomic uint64_t from, to, seen, failed;
    void (*_Atomic watch)(uint64_t nth);
} now;

static void plan(unsigned kinds, int code, uint64_t from, uint64_t to)
{
    atomic_store(&now.kinds, 0);
    atomic_store(&now.watch, NULL);
    atomic_store(&now.code, code);
    atomic_store(&now.from, from);
    atomic_store(&now.to, to);
    atomic_store(&now.seen, 0);
    atomic_store(&now.failed, 0);
    atomic_store(&now.kinds, kinds);
}

void vfs_fail_at(unsigned kinds, int code, uint64_t n)
{
    plan(kinds, code, n, n);
}

void vfs_fail_from(unsigned kinds, int code, uint64_t n)
{
    plan(kinds, code, n, UINT64_MAX);
}

void vfs_watch(unsigned kinds, void (*seen)(uint64_t nth))
{
    plan(0, 0, 0, 0);
    atomic_store(&now.watch, seen);
    atomic_store(&now.kinds, kinds);
}

void vfs_fail_never(void)
{
    plan(0, 0, 0, 0);
}

uint64_t vfs_failed(void)
{
    return atomic_load(&now.failed);
}

/* What the call answers instead; 0: what it would. */
static int strike(unsigned kind, bool journal)
{
    unsigned kinds = atomic_load(&now.kinds);
    if (!(kinds & kind) || ((kinds & VFS_WAL) && !journal)) return 0;
    uint64_t nth = atomic_fetch_add(&now.seen, 1) + 1;
    void (*watch)(uint64_t) = atomic_load(&now.watch);
    if (watch) watch(nth);
    if (nth < atomic_load(&now.from) || nth > atomic_load(&now.to)) return 0;
    atomic_fetch_add(&now.failed, 1);
    return atomic_load(&now.code);
}

/* --- a VFS around the one that was there -------------------------------------
 */

struct shim_file {
    sqlite3_file base;
    bool journal;
    sqlite3_file *real;
};
static sqlite3_vfs shim, *real_vfs;

static sqlite3_file *real(sqlite3_file *f)
{
    return ((struct shim_file *)f)->real;
}
#define REAL(f, method, ...) real(f)->pMethods->method(real(f), ##__VA_ARGS__)
#define STRUCK(f, kind) strike(kind, ((struct shim_file *)f)->journal)

static int shim_close(sqlite3_file *f)
{
    return REAL(f, xClose);
}
static int shim_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    int rc = STRUCK(f, VFS_READ);
    return rc ? rc : REAL(f, xRead, p, n, at);
}
static int shim_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    int rc = STRUCK(f, VFS_WRITE);
    return rc ? rc : REAL(f, xWrite, p, n, at);
}
static int shim_truncate(sqlite3_file *f, sqlite3_int64 n)
{
    int rc = STRUCK(f, VFS_TRUNCATE);
    return rc ? rc : REAL(f, xTruncate, n);
}
static int shim_sync(sqlite3_file *f, int flags)
{
    (void)flags; /* no test in here cuts the power: nobody waits for a disk */
    return STRUCK(f, VFS_SYNC);
}
static int shim_size(sqlite3_file *f, sqlite3_int64 *ret)
{
    int rc = STRUCK(f, VFS_SIZE);
    return rc ? rc : REAL(f, xFileSize, ret);
}
static int shim_lock(sqlite3_file *f, int level)
{
    int rc = STRUCK(f, VFS_LOCK);
    return rc ? rc : REAL(f, xLock, level);
}
static int shim_unlock(sqlite3_file *f, int level)
{
    return REAL(f, xUnlock, level);
}
static int shim_reserved(sqlite3_file *f, int *ret)
{
    int rc = STRUCK(f, VFS_LOCK);
    return rc ? rc : REAL(f, xCheckReservedLock, ret);
}
static int shim_control(sqlite3_file *f, int op, void *arg)
{
    return REAL(f, xFileControl, op, arg);
}
static int shim_sector(sqlite3_file *f)
{
    return REAL(f, xSectorSize);
}
static int shim_traits(sqlite3_file *f)
{
    return REAL(f, xDeviceCharacteristics);
}
static int shim_shm_map(sqlite3_file *f, int page, int size, int extend,
                        void volatile **ret)
{
    int rc = STRUCK(f, VFS_SHM);
    return rc ? rc : REAL(f, xShmMap, page, size, extend, ret);
}
static int shim_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    int rc = flags & SQLITE_SHM_UNLOCK ? 0 : STRUCK(f, VFS_SHM);
    return rc ? rc : REAL(f, xShmLock, at, n, flags);
}
static void shim_shm_barrier(sqlite3_file *f)
{
    REAL(f, xShmBarrier);
}
static int shim_shm_unmap(sqlite3_file *f, int remove)
{
    return REAL(f, xShmUnmap, remove);
}

static const sqlite3_io_methods shim_methods = {
    .iVersion = 2,
    .xClose = shim_close,
    .xRead = shim_read,
    .xWrite = shim_write,
    .xTruncate = shim_truncate,
    .xSync = shim_sync,
    .xFileSize = shim_size,
    .xLock = shim_lock,
    .xUnlock = shim_unlock,
    .xCheckReservedLock = shim_reserved,
    .xFileControl = shim_control,
    .xSectorSize = shim_sector,
    .xDeviceCharacteristics = shim_traits,
    .xShmMap = shim_shm_map,
    .xShmLock = shim_shm_lock,
    .xShmBarrier = shim_shm_barrier,
    .xShmUnmap = shim_shm_unmap,
};

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file,
                     int flags, int *ret_flags)
{
    struct shim_file *f = (struct shim_file *)file;
    (void)vfs;
    f->real = (sqlite3_file *)(f + 1);
    f->journal = flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL);
    f->base.pMethods = NULL;
    int rc = strike(VFS_OPEN, f->journal);
    if (rc) return rc;
    rc = real_vfs->xOpen(real_vfs, name, f->real, flags, ret_flags);
    f->base.pMethods = f->real->pMethods ? &shim_methods : NULL;
    return rc;
}

void vfs_kit_begin(void)
{
    CHECK_OK(st__sqlite_setup());
    real_vfs = sqlite3_vfs_find(NULL);
    shim = *real_vfs;
    shim.zName = "shim";
    shim.szOsFile = (int)sizeof(struct shim_file) + real_vfs->szOsFile;
    shim.xOpen = shim_open;
    shim.pNext = NULL;
    CHECK_INT_EQ(sqlite3_vfs_register(&shim, 1), SQLITE_OK);
}
