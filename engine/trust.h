/*
 * trust: whose commands are run. A gate's commands come from the workflow's
 * files, and a workflow's files may come from anywhere; so a person looks at
 * them once and trusts that content, by the SHA-256 of all its files. A file
 * that changed is another content. The workflows that come with the program
 * are trusted as they were shipped.
 *
 * What a person trusts is kept outside of every project, one line for each:
 * <hash> <workflow_type> <when>. Thread: worker or main.
 */
#ifndef ENGINE_TRUST_H
#define ENGINE_TRUST_H

#include "engine/core.h"
#include "engine/definition.h"

/* $XDG_STATE_HOME/phasegate/trusted, else ~/.local/state/phasegate/trusted;
 * the empty slice when neither is known. arena */
struct slice eng_trust_path(struct arena *a);
/* What is trusted of a definition: its files, without a session's plan. */
struct slice eng_trust_hash(const struct eng_definition *d, struct arena *a);
/* ERR_NOMEM; anything that cannot be read is not trusted. */
MUST_USE enum err eng_trusted(struct slice path, const struct eng_definition *d,
                              struct arena *a, bool *ret);
/* Adds the definition as it is; makes the file and its folder, 0600, 0700. */
MUST_USE enum err eng_trust_add(struct slice path,
                                const struct eng_definition *d,
                                struct arena *a);

/* OK, or ERR_WORKFLOW_UNTRUSTED with the problem filled. */
MUST_USE enum err eng__trust_check(struct engine *e, struct eng_call *c,
                                   const struct eng_definition *d);

/* --- for `phasegate trust` -------------------------------------------------
 */

/* {"workflows":[{"workflow_type","hash","trusted","runs_commands","commands":
 * [{"phase","field","argv":[],"folder"?,"env":[],"timeout_s"}]}]} of one
 * workflow, or of all when `type` is empty. Thread: worker or main */
struct eng_trust_list_args {
    struct slice type;
};
enum err eng_trust_list(struct engine *e, struct eng_call *c,
                        const struct eng_trust_list_args *args);
/* Trusts the workflow, if it still has the hash that was shown:
 * ERR_CONFLICT. */
struct eng_trust_give_args {
    struct slice type, hash;
};
enum err eng_trust_give(struct engine *e, struct eng_call *c,
                        const struct eng_trust_give_args *args);

/* Does a gate of it run commands? */
bool eng_definition_runs(const struct eng_definition *d);

#endif
