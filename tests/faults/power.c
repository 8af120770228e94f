/*
 * A disk that loses what was not synced. Every write and truncation since a
 * file's last sync is kept, with the bytes it replaced. When the power goes,
 * all of them are taken back, newest first, and then, in their order, those
 * are done again that the disk happened to have written. The seed decides
 * which: none; whole writes, any of them; or single sectors of any of them, so
 * that pages are torn and later writes are there where earlier ones are not.
 *
 * A file that was created and never synced is gone, and so is a folder whose
 * parent was not synced since. The -shm, memory shared through a file, is
 * left with any bytes.
 */
#define FAULTS_INSIDE
#include "tests/faults/faults.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR = 512, FOLDERS = 8, PATH_ROOM = 4096 };

struct change {
    struct change *next; /* older */
    int64_t at;
    size_t n;     /* written; 0: a truncation to `at` */
    int64_t size; /* of the file before */
    size_t old_n; /* bytes that were there */
    char *bytes;  /* old_n of before, then n of after */
};

struct power_file {
    struct power_file *next;
    char path[PATH_ROOM];
    int fd; /* never closed: that would drop SQLite's locks */
    bool fresh;
    struct change *newest;
};

/* Recursive: a call that is under it may be the one at which the power goes. */
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct power_file *files;
static struct {
    char path[PATH_ROOM];
    dev_t dev; /* of the parent */
    ino_t ino;
} folders[FOLDERS];
static size_t folder_count;

void power_begin(void)
{
    pthread_mutex_lock(&lock);
}

void power_end(void)
{
    pthread_mutex_unlock(&lock);
}

static void *must(void *p)
{
    if (!p) abort();
    return p;
}

struct power_file *power_file(const char *path, bool created)
{
    for (struct power_file *f = files; f; f = f->next)
        if (strcmp(f->path, path) == 0) {
            struct stat here, ours;
            if (stat(path, &here) == 0 && fstat(f->fd, &ours) == 0 &&
                here.st_ino == ours.st_ino)
                return f;
        }
    struct power_file *f = must(calloc(1, sizeof(*f)));
    snprintf(f->path, sizeof(f->path), "%s", path);
    f->fd = open(path, O_RDWR | O_CLOEXEC);
    if (f->fd < 0) {
        free(f);
        return NULL; /* for reading only: nothing to lose */
    }
    f->fresh = created;
    f->next = files;
    files = f;
    return f;
}

static int64_t size_of(const struct power_file *f)
{
    struct stat st;
    return fstat(f->fd, &st) == 0 ? (int64_t)st.st_size : 0;
}

static void keep(struct power_file *f, const void *p, size_t n, int64_t at,
                 size_t old_n)
{
    struct change *c = must(calloc(1, sizeof(*c)));
    c->at = at;
    c->n = n;
    c->size = size_of(f);
    c->bytes = must(malloc(old_n + n + 1));
    ssize_t got = pread(f->fd, c->bytes, old_n, at);
    c->old_n = got > 0 ? (size_t)got : 0;
    if (n) memcpy(c->bytes + c->old_n, p, n);
    c->next = f->newest;
    f->newest = c;
}

void power_write(struct power_file *f, const void *p, int n, int64_t at)
{
    keep(f, p, (size_t)n, at, (size_t)n);
}

void power_truncate(struct power_file *f, int64_t n)
{
    int64_t size = size_of(f);
    keep(f, NULL, 0, n, size > n ? (size_t)(size - n) : 0);
}

/* The folder is synced too when SQLite first syncs what it has created. */
void power_synced(struct power_file *f)
{
    f->fresh = false;
    while (f->newest) {
        struct change *c = f->newest;
        f->newest = c->next;
        free(c->bytes);
        free(c);
    }
}

/* --- the cut -------------------------------------------------------------- */

static uint64_t state;
static uint64_t dice(uint64_t n)
{
    state += 0x9e3779b97f4a7c15u;
    uint64_t z = state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % n;
}

static void put(int fd, const char *p, size_t n, int64_t at)
{
    if (n && pwrite(fd, p, n, at) != (ssize_t)n) abort();
}

static void undo(int fd, const struct change *c)
{
    put(fd, c->bytes, c->old_n, c->at);
    if (ftruncate(fd, c->size) != 0) abort();
}

static void redo_sectors(int fd, const struct change *c)
{
    const char *now = c->bytes + c->old_n;
    for (size_t i = 0; i < c->n; i += SECTOR) {
        size_t n = c->n - i < SECTOR ? c->n - i : SECTOR;
        if (dice(2)) put(fd, now + i, n, c->at + (int64_t)i);
    }
}

static void redo(int fd, const struct change *c, bool torn)
{
    if (torn && c->n)
        redo_sectors(fd, c);
    else if (dice(2) && c->n)
        put(fd, c->bytes + c->old_n, c->n, c->at);
    else if (dice(2) && !c->n && ftruncate(fd, c->at) != 0)
        abort();
}

static void undo_all(struct power_file *f, struct change **ret_oldest)
{
    struct change *oldest = NULL;
    while (f->newest) {
        struct change *c = f->newest;
        f->newest = c->next;
        undo(f->fd, c);
        c->next = oldest;
        oldest = c;
    }
    *ret_oldest = oldest;
}

static void lose(struct power_file *f, uint64_t how)
{
    struct change *c;
    if (f->fresh && how == 0) unlink(f->path);
    undo_all(f, &c);
    for (; how != 0 && c; c = c->next) redo(f->fd, c, how == 2);
}

static void scribble(const char *path)
{
    char bytes[4096];
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) return;
    for (int64_t at = 0; at < st.st_size; at += (int64_t)sizeof(bytes)) {
        int64_t left = st.st_size - at;
        for (size_t i = 0; i < sizeof(bytes); i++) bytes[i] = (char)dice(256);
        put(fd, bytes, left < 4096 ? (size_t)left : sizeof(bytes), at);
    }
}

static void lose_folders(void)
{
    char away[PATH_ROOM + 8];
    while (folder_count--) {
        const char *path = folders[folder_count].path;
        snprintf(away, sizeof(away), "%s.lost", path);
        (void)rename(path, away);
    }
}

void power_cut(uint64_t seed)
{
    char path[PATH_ROOM + 8];
    power_begin(); /* until the end, which is near */
    state = seed;
    for (struct power_file *f = files; f; f = f->next) {
        lose(f, seed % 3);
        snprintf(path, sizeof(path), "%s-shm", f->path);
        scribble(path);
        snprintf(path, sizeof(path), "%s-commits", f->path);
        scribble(path);
    }
    lose_folders();
}

/* --- folders -------------------------------------------------------------- */

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode)
{
    struct stat st;
    char parent[PATH_ROOM];
    int rc = __real_mkdir(path, mode);
    if (rc != 0 || !faults->tracks) return rc;
    snprintf(parent, sizeof(parent), "%s/..", path);
    power_begin();
    if (folder_count < FOLDERS && stat(parent, &st) == 0) {
        snprintf(folders[folder_count].path, PATH_ROOM, "%s", path);
        folders[folder_count].dev = st.st_dev;
        folders[folder_count++].ino = st.st_ino;
    }
    power_end();
    return rc;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    struct stat st;
    if (faults->tracks && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        power_begin();
        for (size_t i = 0; i < folder_count; i++)
            if (folders[i].dev == st.st_dev && folders[i].ino == st.st_ino)
                folders[i--] = folders[--folder_count];
        power_end();
    }
    return __real_fsync(fd);
}
