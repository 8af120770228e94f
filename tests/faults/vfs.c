/* A VFS before SQLite's own: every connection the program opens goes through
 * it, each call is counted, and the n-th goes wrong. */
#define FAULTS_INSIDE
#include "tests/faults/faults.h"

#include <pthread.h>
#include <sqlite3.h>
#include <string.h>

struct shim_file {
    sqlite3_file base;
    bool counted;
    struct power_file *power;
    sqlite3_file *real;
};
static sqlite3_vfs shim, *real_vfs;

static struct shim_file *shim_of(sqlite3_file *f)
{
    return (struct shim_file *)f;
}
#define REAL(f, method, ...)                                                   \
    shim_of(f)->real->pMethods->method(shim_of(f)->real, ##__VA_ARGS__)

static bool strikes(sqlite3_file *f, enum fault_kind kind)
{
    return shim_of(f)->counted && faults_strike(kind, NULL);
}

/* The test says FULL or IOERR and gets what this kind of call answers. */
static int answer(int own)
{
    int code = faults->code;
    return code == SQLITE_IOERR ? own : code;
}

static int shim_close(sqlite3_file *f)
{
    return REAL(f, xClose);
}

static int shim_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    if (strikes(f, FAULT_READ)) return answer(SQLITE_IOERR_READ);
    return REAL(f, xRead, p, n, at);
}

static int write_half(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    return REAL(f, xWrite, p, n / 2, at);
}

static int write_counted(sqlite3_file *f, const void *p, int n,
                         sqlite3_int64 at)
{
    bool half = false;
    bool fails = faults_strike(FAULT_WRITE, &half);
    if (shim_of(f)->power) power_write(shim_of(f)->power, p, n, at);
    if (!fails && !half) return REAL(f, xWrite, p, n, at);
    (void)write_half(f, p, n, at);
    if (half) faults_die();
    return answer(SQLITE_IOERR_WRITE);
}

static int shim_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    if (!shim_of(f)->counted) return REAL(f, xWrite, p, n, at);
    power_begin();
    int rc = write_counted(f, p, n, at);
    power_end();
    return rc;
}

static int shim_truncate(sqlite3_file *f, sqlite3_int64 n)
{
    power_begin();
    int rc = SQLITE_OK;
    if (strikes(f, FAULT_TRUNCATE))
        rc = answer(SQLITE_IOERR_TRUNCATE);
    else if (shim_of(f)->power)
        power_truncate(shim_of(f)->power, n);
    if (!rc) rc = REAL(f, xTruncate, n);
    power_end();
    return rc;
}

static int shim_sync(sqlite3_file *f, int flags)
{
    power_begin();
    int rc = strikes(f, FAULT_SYNC) ? answer(SQLITE_IOERR_FSYNC)
                                    : REAL(f, xSync, flags);
    if (!rc && shim_of(f)->power) power_synced(shim_of(f)->power);
    power_end();
    return rc;
}

static int shim_size(sqlite3_file *f, sqlite3_int64 *ret)
{
    return REAL(f, xFileSize, ret);
}

static int shim_lock(sqlite3_file *f, int level)
{
    if (strikes(f, FAULT_LOCK)) return answer(SQLITE_IOERR_LOCK);
    return REAL(f, xLock, level);
}

static int shim_unlock(sqlite3_file *f, int level)
{
    return REAL(f, xUnlock, level);
}

static int shim_reserved(sqlite3_file *f, int *ret)
{
    return REAL(f, xCheckReservedLock, ret);
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
    if (strikes(f, FAULT_SHM)) {
        *ret = NULL;
        return answer(SQLITE_IOERR_SHMMAP);
    }
    return REAL(f, xShmMap, page, size, extend, ret);
}

static int shim_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    if ((flags & SQLITE_SHM_LOCK) && strikes(f, FAULT_SHM))
        return answer(SQLITE_IOERR_SHMLOCK);
    return REAL(f, xShmLock, at, n, flags);
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

static bool is_state(const char *name)
{
    const char *base = name ? strrchr(name, '/') : NULL;
    return base && strncmp(base, "/state.db", 9) == 0;
}

static int open_real(const char *name, sqlite3_file *real, int flags,
                     int *ret_flags)
{
    return real_vfs->xOpen(real_vfs, name, real, flags, ret_flags);
}

/* As the unix VFS does when it may not write: it reads. */
static int open_for_reading(const char *name, sqlite3_file *real, int flags,
                            int *ret_flags)
{
    flags &= ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    return open_real(name, real, flags | SQLITE_OPEN_READONLY, ret_flags);
}

static int open_counted(const char *name, sqlite3_file *real, int flags,
                        int *ret_flags)
{
    if (!faults_strike(FAULT_OPEN, NULL))
        return open_real(name, real, flags, ret_flags);
    if (faults->code == SQLITE_READONLY)
        return open_for_reading(name, real, flags, ret_flags);
    real->pMethods = NULL;
    return answer(SQLITE_CANTOPEN);
}

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file,
                     int flags, int *ret_flags)
{
    struct shim_file *f = shim_of(file);
    int there = 1, rc;
    (void)vfs;
    f->real = (sqlite3_file *)(f + 1);
    f->power = NULL;
    f->counted = is_state(name);
    if (f->counted && faults->tracks)
        real_vfs->xAccess(real_vfs, name, SQLITE_ACCESS_EXISTS, &there);
    rc = f->counted ? open_counted(name, f->real, flags, ret_flags)
                    : open_real(name, f->real, flags, ret_flags);
    if (f->counted && faults->tracks && !rc) {
        power_begin();
        f->power = power_file(name, !there);
        power_end();
    }
    f->base.pMethods = f->real->pMethods ? &shim_methods : NULL;
    return rc;
}

static int shim_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    if (is_state(name) && faults_strike(FAULT_UNLINK, NULL))
        return answer(SQLITE_IOERR_DELETE);
    return real_vfs->xDelete(real_vfs, name, sync);
}

static void make_shim(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    shim = *real_vfs;
    shim.zName = "faults";
    shim.szOsFile = (int)sizeof(struct shim_file) + real_vfs->szOsFile;
    shim.xOpen = shim_open;
    shim.xDelete = shim_delete;
    shim.pNext = NULL;
    sqlite3_vfs_register(&shim, 0);
}

int __real_sqlite3_open_v2(const char *name, sqlite3 **ret, int flags,
                           const char *vfs);
int __wrap_sqlite3_open_v2(const char *name, sqlite3 **ret, int flags,
                           const char *vfs);
int __wrap_sqlite3_open_v2(const char *name, sqlite3 **ret, int flags,
                           const char *vfs)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_shim);
    return __real_sqlite3_open_v2(name, ret, flags, vfs ? vfs : shim.zName);
}
