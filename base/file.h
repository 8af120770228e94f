/*
 * file: whole files in and out, and the one rule for paths from outside: a
 * resolved path lies inside a root, compared by components.
 *
 * Only regular files are read: FIFOs, devices and directories are
 * ERR_INVALID (opened O_NONBLOCK|O_NOCTTY, then checked by fstat), so that a
 * hostile path never hangs a worker. Thread: worker (file I/O).
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/arena.h"

/* ERR_NOT_FOUND, ERR_INVALID (not a regular file), ERR_TOO_LARGE (over
 * `ceiling`), ERR_IO, ERR_NOMEM. The bytes are in the arena. */
MUST_USE enum err file_read(struct slice path, size_t ceiling, struct arena *a,
                            struct slice *ret);
/* As file_read, of a file that decides about rights: ERR_INVALID too when it is
 * a symbolic link, belongs to another user than us or root, or may be written
 * by others. */
MUST_USE enum err file_read_own(struct slice path, size_t ceiling,
                                struct arena *a, struct slice *ret);
/* As path_inside and file_read together, with nothing in between: a symbolic
 * link put into the path after it was resolved is not followed. */
MUST_USE enum err file_read_inside(struct slice root, struct slice path,
                                   size_t ceiling, struct arena *a,
                                   struct slice *ret);
/* Temporary file, fsync, rename, fsync of the folder: readers see the old or
 * the new content, never half. `mode` as for open(2). A symbolic link at
 * `path` is replaced, not followed. ERR_NOT_FOUND (no such folder), ERR_IO. */
MUST_USE enum err file_write_atomic(struct slice path, struct slice content,
                                    unsigned mode);
/* Joins with one '/'. {NULL,0} when out of memory. */
struct slice path_join(struct arena *a, struct slice folder, struct slice name);
/* Resolves `path` (relative to root, or absolute) with symbolic links;
 * ERR_NOT_FOUND when it does not exist, ERR_INVALID when it leaves root (also
 * when what it names outside does not exist: no oracle). `root` is canonical.
 */
MUST_USE enum err path_inside(struct slice root, struct slice path,
                              struct arena *a, struct slice *ret);
/* Canonical absolute path (realpath). */
MUST_USE enum err path_canonical(struct slice path, struct arena *a,
                                 struct slice *ret);
/* mkdir -p; `mode` for every folder made. A new one has its name on the disk
 * when this returns. ERR_INVALID: a part of the path is no folder. */
MUST_USE enum err path_make(struct slice folder, unsigned mode);

struct file_name {
    struct slice name;
    bool folder;
};
/* Names in a folder, sorted bytewise, without . and ..; symbolic links are
 * reported by what they point to. ERR_NOT_FOUND, ERR_IO, ERR_TOO_LARGE (more
 * than `most`). */
MUST_USE enum err folder_list(struct slice folder, size_t most,
                              struct arena *a, struct file_name **ret,
                              size_t *ret_count);

#endif
