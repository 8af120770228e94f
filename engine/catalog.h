/*
 * catalog: the workflows that can be started, read from the definition roots
 * through the metadata cache. The first root wins on equal names.
 *
 * Live: an entry is valid while the watcher vouches that nothing below the
 * roots changed, else while the folder's signature (every name, kind, size,
 * inode, change and modification time below it) is what it was, else when the
 * files read again have the same hash. So an edited, added or removed file is
 * seen at the next lookup without restart, and a file saved unchanged keeps
 * the definition.
 */
#ifndef ENGINE_CATALOG_H
#define ENGINE_CATALOG_H

#include "engine/core.h"
#include "engine/definition.h"

MUST_USE enum err eng__metadata_cache(struct engine *e, struct st_cache **ret);
/* A plain folder name: no '/', not "." or "..", no NUL, at most 128 bytes. */
bool eng__workflow_name_ok(struct slice name);
/* The definition as it is on disk now, alive as long as the call's arena;
 * perhaps with errors_count > 0. ERR_WORKFLOW_NOT_FOUND names what there is.
 * Thread: worker */
MUST_USE enum err eng__catalog_get(struct engine *e, struct eng_call *c,
                                   struct slice workflow_type,
                                   const struct eng_definition **ret);
/* The names, sorted, each once. Thread: worker */
MUST_USE enum err eng__catalog_names(struct engine *e, struct eng_call *c,
                                     struct slice **ret, size_t *ret_count);

/* How the files on disk differ from a pinned definition. */
struct eng_drift {
    bool changed;
    const struct slice *files; /* changed, added or gone; sorted,
                                  and then the plan */
    size_t count;
};
MUST_USE enum err eng__catalog_drift(struct engine *e, struct eng_call *c,
                                     struct eng_definition *pinned,
                                     struct eng_drift *ret);
/* Is it known to be unchanged? Exactly, where the watcher vouches; elsewhere
 * it was found so within the last 20 ms, or somebody is looking just now. One
 * poll(2). False: look (eng__catalog_drift, on a worker). Thread: loop */
bool eng__catalog_settled(struct engine *e, struct eng_definition *pinned,
                          int64_t now);

#endif
