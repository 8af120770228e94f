/*
 * proof: ci. A result that CI wrote and signed, read from the project.
 *
 * The signature is SSH's (`ssh-keygen -Y sign -n phasegate`): the format is
 * OpenSSH's own and well kept, projects have such keys already for their
 * commits, and ssh-keygen verifies it, so that no cryptography of ours stands
 * between. The keys stand in the gate file, which is pinned when a session
 * starts: a file of the project could be changed by who must not sign. The
 * signed bytes are those that were read and hashed here, and ssh-keygen gets
 * copies of what was read, so nothing is looked at twice.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/run.h"
#include "engine/look.h"
#include "engine/measure.h"
#include "engine/proof_private.h"

enum {
    RESULT_MOST = 16 << 20,
    SMALL_MOST = 1 << 20,
    VERIFY_MS = 20000,
    OUTPUT_MOST = 64 << 10,
    SKEW_MS = 60000 /* between the clocks of CI and of here */
};

struct ci {
    struct eng_proving *p;
    const struct eng_ci_demand *d;
    struct eng_proof *ret;
    struct eng_look result, signature;
};

static const char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin",
                                          "LC_ALL=C", NULL};

static enum err take(struct ci *ci, struct slice path, int64_t most,
                     struct eng_look *look)
{
    enum err e = eng__look(ci->p->root, path, most, true, ci->p->call->cancel,
                           ci->p->call->arena, look);
    if (!e && look->why.n)
        e = eng__not_proven(ci->ret, look->why, look->how_to_fix);
    return e;
}

/* The folder is ours alone. */
static enum err verify_in(struct ci *ci, const char *folder,
                          struct run_result *r)
{
    struct arena *a = ci->p->call->arena;
    struct slice at = slice_of(folder);
    const char *argv[] = {"ssh-keygen",
                          "-Y",
                          "verify",
                          "-f",
                          "signers",
                          "-I",
                          arena_cstr(a, ci->d->identity),
                          "-n",
                          "phasegate",
                          "-s",
                          "signature",
                          NULL};
    if (!argv[6]) return ERR_NOMEM;
    enum err e = file_write_atomic(path_join(a, at, SLICE("signers")),
                                   ci->d->signers, 0600);
    if (!e)
        e = file_write_atomic(path_join(a, at, SLICE("signature")),
                              ci->signature.content, 0600);
    if (e) return e;
    struct run_spec spec = {.helper = ci->p->engine->options.helper,
                            .argv = argv,
                            .env = environment,
                            .folder = folder,
                            .input = ci->result.content,
                            .timeout_ms = VERIFY_MS,
                            .output_max = OUTPUT_MOST};
    return run_command(&spec, NULL, NULL, r);
}

static void sweep(struct arena *a, const char *folder)
{
    static const char *const names[] = {"signers", "signature"};
    for (size_t i = 0; i < 2; i++) {
        const char *path =
            arena_cstr(a, path_join(a, slice_of(folder), slice_of(names[i])));
        if (path) (void)unlink(path);
    }
    (void)rmdir(folder);
}

static enum err verify(struct ci *ci, struct run_result *r)
{
    struct arena *a = ci->p->call->arena;
    const char *tmp = getenv("TMPDIR");
    char *folder =
        arena_cstr(a, arena_printf(a, "%s/phasegate-ci-XXXXXX",
                                   tmp && tmp[0] == '/' ? tmp : "/tmp"));
    if (!folder) return ERR_NOMEM;
    if (!mkdtemp(folder)) return ERR_IO;
    enum err e = verify_in(ci, folder, r);
    sweep(a, folder);
    return e;
}

static enum err judge(struct ci *ci, const struct run_result *r)
{
    struct arena *a = ci->p->call->arena;
    struct slice said = slice_trim(buf_slice(&r->output));
    said = slice_sub(said, 0, 300);
    said = slice_sub(said, 0, slice_utf8_valid(said));
    if (r->end == RUN_EXITED && r->code == 0) return OK;
    if (r->end == RUN_NO_START)
        return eng__not_proven(
            ci->ret,
            arena_printf(a,
                         "ssh-keygen cannot be started (%s), so the "
                         "signature cannot be verified",
                         strerrordesc_np(r->code)),
            SLICE("Install OpenSSH's client where the server runs."));
    return eng__not_proven(
        ci->ret,
        arena_printf(a, "the signature of %.*s is not one of %.*s: %.*s",
                     SLICE_ARG(ci->result.path), SLICE_ARG(ci->d->identity),
                     SLICE_ARG(said)),
        SLICE("Let CI run on this state and bring its result and signature "
              "here."));
}

/* The result says itself when it was made, under the signature: one of before
 * this phase, kept and brought again, is none of this work. */
static enum err check_time(struct ci *ci)
{
    struct arena *a = ci->p->call->arena;
    const struct eng_value_demand d = {.from = ENG_VALUE_JSON,
                                       .text = ci->d->time};
    const struct json *said = NULL;
    struct slice why = {0};
    int64_t at = 0, began = eng__phase_began(ci->p->s, ci->p->phase->number);
    char began_text[CLOCK_TEXT_SIZE];
    if (!ci->d->time.n) return OK;
    enum err e =
        eng__measure(&d, ENG_STRING, ci->result.content, a, &said, &why);
    if (e) return e;
    if (!clock_parse(json_text(said), &at))
        return eng__not_proven(
            ci->ret,
            arena_printf(a, "%.*s does not say at %.*s when it was made%s%.*s",
                         SLICE_ARG(ci->result.path), SLICE_ARG(ci->d->time),
                         said ? "" : ": ", SLICE_ARG(why)),
            SLICE("Let CI write the time there, like 2026-11-21T13:04:54Z."));
    if (at + SKEW_MS >= began && at <= clock_wall_ms() + SKEW_MS) return OK;
    clock_text(began, began_text);
    return eng__not_proven(
        ci->ret,
        arena_printf(a, "%.*s is of %.*s, and the phase began at %s",
                     SLICE_ARG(ci->result.path), SLICE_ARG(json_text(said)),
                     began_text),
        SLICE("Let CI run on this phase's work and bring its result and "
              "signature here."));
}

static const struct json yes = {.type = JSON_TRUE, .raw = SLICE_INIT("true")};

static enum err tell(struct ci *ci, const struct eng_field *f)
{
    struct arena *a = ci->p->call->arena;
    char hex[SHA256_HEX_SIZE];
    struct slice why = {0};
    const struct json *value = &yes;
    if (ci->d->value.from) {
        enum err e = eng__measure(&ci->d->value, f->type, ci->result.content, a,
                                  &value, &why);
        if (e) return e;
        if (!value)
            return eng__not_proven(
                ci->ret,
                arena_printf(a,
                             "%.*s is signed, and its value cannot be read: "
                             "%.*s",
                             SLICE_ARG(ci->result.path), SLICE_ARG(why)),
                SLICE("Let CI write the value the gate reads."));
    }
    ci->ret->state = ENG_PROVEN;
    ci->ret->value = value;
    ci->ret->detail =
        arena_printf(a, "%.*s, signed by %.*s", SLICE_ARG(ci->result.path),
                     SLICE_ARG(ci->d->identity));
    ci->ret->members = arena_printf(
        a, "\"sha256\":\"%.*s\",\"bytes\":%" PRId64,
        SLICE_ARG(sha256_hex(ci->result.sha256, hex)), ci->result.bytes);
    if (!ci->ret->detail.p || !ci->ret->members.p) return ERR_NOMEM;
    return eng__rests_on(ci->ret, &ci->result, a);
}

enum err eng__prove_ci(struct eng_proving *p, const struct eng_field *f,
                       const struct json *v, struct eng_proof *ret)
{
    struct ci ci = {.p = p, .d = f->ci, .ret = ret};
    struct run_result r = {0};
    (void)v;
    enum err e = take(&ci, ci.d->path, RESULT_MOST, &ci.result);
    if (!e && !ret->state)
        e = take(&ci, ci.d->signature, SMALL_MOST, &ci.signature);
    if (e || ret->state) return e;
    e = verify(&ci, &r);
    if (!e) e = judge(&ci, &r);
    if (!e && !ret->state) e = check_time(&ci);
    if (!e && !ret->state) e = tell(&ci, f);
    buf_done(&r.output);
    if (e == ERR_IO)
        return eng__not_proven(ret,
                               SLICE("the signature cannot be verified: "
                                     "no folder for temporary files"),
                               SLICE("Make $TMPDIR or /tmp writable."));
    return e;
}
