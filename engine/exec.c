#include "engine/exec.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/run.h"
#include "engine/look.h"
#include "engine/measure.h"
#include "engine/proof_private.h"
#include "engine/provider.h"

extern char **environ;

enum {
    ENVIRONMENT_MOST = 512,
    TAIL = 600, /* bytes of output in a refusal */
    REPORT_MOST = 64 << 20,
    MEMBERS_CEILING = 64 << 10
};

static const struct slice again = SLICE_INIT(
    "Mend what it says, then send complete_phase again: the server runs it "
    "anew.");

/* --- the environment ------------------------------------------------------ */

/* What a build needs to find its tools and write its caches; nothing that is
 * a secret by habit. */
static bool is_allowed(const char *entry)
{
    static const char *const names[] = {
        "PATH=",           "HOME=",         "USER=", "LOGNAME=",  "SHELL=",
        "TMPDIR=",         "TZ=",           "LANG=", "LANGUAGE=", "LC_",
        "XDG_CACHE_HOME=", "XDG_DATA_HOME="};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strncmp(entry, names[i], strlen(names[i])) == 0) return true;
    return false;
}

static bool same_name(const char *a, const char *b)
{
    size_t n = strcspn(a, "=");
    return strncmp(a, b, n + 1) == 0;
}

static void environment(const struct eng_command *c,
                        const char *ret[ENVIRONMENT_MOST + 1])
{
    size_t n = 0;
    for (size_t i = 0; c->env && c->env[i] && n < ENVIRONMENT_MOST; i++)
        ret[n++] = c->env[i];
    size_t own = n;
    for (size_t i = 0; environ[i] && n < ENVIRONMENT_MOST; i++) {
        bool taken = false;
        for (size_t k = 0; k < own; k++) taken |= same_name(ret[k], environ[i]);
        if (!taken && is_allowed(environ[i])) ret[n++] = environ[i];
    }
    ret[n] = NULL;
}

/* --- what came of it ------------------------------------------------------ */

struct told {
    const struct eng_exec *x;
    const struct run_result *run;
    struct eng_proof *proof;
    struct arena *a;
    struct eng_look *inputs; /* as they were before it ran */
};

static void refuse(struct told *t, struct slice why, struct slice how)
{
    /* Out of memory leaves it unproven too. */
    if (eng__not_proven(t->proof, why, how))
        t->proof->detail = SLICE("(no "
                                 "memory)");
}

static struct slice words_of(const struct eng_command *c, struct arena *a)
{
    struct slice s = {0};
    for (size_t i = 0; i < c->argc; i++)
        s = arena_printf(a, "%.*s%s%s", SLICE_ARG(s), i ? " " : "", c->argv[i]);
    return slice_sub(s, 0, 200);
}

/* The end of what was printed, as one piece of well-formed text. */
static struct slice tail_of(const struct run_result *run, struct arena *a)
{
    struct slice s = slice_trim(buf_slice(&run->output));
    if (s.n > TAIL) s = slice_sub(s, s.n - TAIL, TAIL);
    while (s.n && ((unsigned char)s.p[0] & 0xc0) == 0x80)
        s = slice_sub(s, 1, s.n);
    return arena_copy(a, slice_sub(s, 0, slice_utf8_valid(s)));
}

/* --- what it reads ---------------------------------------------------------
 */

static enum err input_look(struct told *t, size_t i, struct eng_look *ret)
{
    const struct eng_exec *x = t->x;
    enum err e =
        eng__look(x->engine->options.root, x->field->command->inputs[i],
                  REPORT_MOST, false, NULL, t->a, ret);
    if (!e && ret->why.n)
        refuse(t,
               arena_printf(t->a, "an input of the command: %.*s",
                            SLICE_ARG(ret->why)),
               ret->how_to_fix);
    return e;
}

static enum err inputs_look(struct told *t)
{
    size_t n = t->x->field->command->inputs_count;
    t->inputs = ARENA_ARRAY(t->a, struct eng_look, n + 1);
    enum err e = t->inputs ? OK : ERR_NOMEM;
    for (size_t i = 0; !e && !t->proof->state && i < n; i++)
        e = input_look(t, i, &t->inputs[i]);
    return e;
}

/* What ran while its input changed says nothing about either state of it. */
static enum err inputs_settle(struct told *t)
{
    size_t n = t->x->field->command->inputs_count;
    struct eng_look now;
    enum err e = OK;
    for (size_t i = 0; !e && t->proof->state == ENG_PROVEN && i < n; i++) {
        e = input_look(t, i, &now);
        if (e || t->proof->state != ENG_PROVEN) break;
        if (!sha256_equal(now.sha256, t->inputs[i].sha256))
            refuse(t,
                   arena_printf(t->a, "%.*s changed while the command ran",
                                SLICE_ARG(now.path)),
                   again);
        e = eng__rests_on(t->proof, &now, t->a);
    }
    return e;
}

static void inputs_write(const struct told *t, struct json_writer *w)
{
    char hex[SHA256_HEX_SIZE];
    size_t n = t->x->field->command->inputs_count;
    if (!n) return;
    json_key(w, SLICE("inputs"));
    json_begin_array(w);
    for (size_t i = 0; i < n; i++) {
        json_begin_object(w);
        json_put_string(w, "path", t->inputs[i].path);
        json_put_string(w, "sha256", sha256_hex(t->inputs[i].sha256, hex));
        json_end_object(w);
    }
    json_end_array(w);
}

static void members_write(struct told *t)
{
    const struct run_result *run = t->run;
    const struct eng_command *c = t->x->field->command;
    char hex[SHA256_HEX_SIZE];
    struct buf b = BUF_INIT(MEMBERS_CEILING);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_key(&w, SLICE("argv"));
    json_begin_array(&w);
    for (size_t i = 0; i < c->argc; i++) json_string(&w, slice_of(c->argv[i]));
    json_end_array(&w);
    if (run->end == RUN_EXITED) json_put_int(&w, "exit_code", run->code);
    if (run->end == RUN_SIGNALED) json_put_int(&w, "signal", run->code);
    json_put_int(&w, "duration_ms", run->ms);
    json_put_int(&w, "output_bytes", (int64_t)run->bytes);
    json_put_string(&w, "output_sha256", sha256_hex(run->digest, hex));
    if (run->leftovers) json_put_int(&w, "leftovers_ended", run->leftovers);
    inputs_write(t, &w);
    json_end_object(&w);
    if (!b.err)
        t->proof->members =
            arena_copy(t->a, slice_sub(buf_slice(&b), 1, b.n - 2));
    buf_done(&b);
}

/* --- measuring ------------------------------------------------------------ */

/* The file a value is read from: written by this run, not before it. */
static enum err report_read(struct told *t, const struct eng_value_demand *d,
                            int64_t began_ms, struct slice *ret)
{
    struct eng_look look;
    enum err e = eng__look(t->x->engine->options.root, d->path, REPORT_MOST,
                           true, NULL, t->a, &look);
    if (!e && !look.why.n) e = eng__rests_on(t->proof, &look, t->a);
    if (e) return e;
    if (look.why.n)
        refuse(t, look.why, look.how_to_fix);
    else if (look.latest_ms < began_ms)
        refuse(t,
               arena_printf(t->a, "%.*s was not written by this run",
                            SLICE_ARG(look.path)),
               again);
    *ret = look.content;
    return OK;
}

static void measure(struct told *t, int64_t began_ms)
{
    const struct eng_value_demand *d = &t->x->field->command->value;
    struct slice text = buf_slice(&t->run->output), why = {0};
    const struct json *value = NULL;
    if (!d->from) return;
    enum err e = d->path.n ? report_read(t, d, began_ms, &text) : OK;
    if (t->proof->state) return;
    if (!e) e = eng__measure(d, t->x->field->type, text, t->a, &value, &why);
    if (e)
        refuse(t, SLICE("out of memory while reading what it printed"), again);
    else if (!value)
        refuse(t,
               arena_printf(t->a,
                            "`%.*s` ran, and its value cannot be read: "
                            "%.*s",
                            SLICE_ARG(words_of(t->x->field->command, t->a)),
                            SLICE_ARG(why)),
               again);
    t->proof->value = value;
}

static const struct json yes = {.type = JSON_TRUE, .raw = SLICE_INIT("true")};

static void exited(struct told *t, int64_t began_ms)
{
    const struct eng_command *c = t->x->field->command;
    struct slice words = words_of(c, t->a);
    if (t->run->code != c->exit) {
        refuse(t,
               arena_printf(t->a,
                            "`%.*s` ended with exit code %d, not %" PRId64
                            "; the end of its output: %.*s",
                            SLICE_ARG(words), t->run->code, c->exit,
                            SLICE_ARG(tail_of(t->run, t->a))),
               again);
        return;
    }
    measure(t, began_ms);
    if (t->proof->state) return;
    t->proof->state = ENG_PROVEN;
    if (!c->value.from) t->proof->value = &yes;
    t->proof->detail = arena_printf(
        t->a, "`%.*s` ended with exit code %d after %" PRId64 " ms",
        SLICE_ARG(words), t->run->code, t->run->ms);
}

static void not_exited(struct told *t)
{
    const struct eng_command *c = t->x->field->command;
    struct slice words = words_of(c, t->a);
    struct slice why = {0}, how = again;
    switch (t->run->end) {
    case RUN_SIGNALED:
        why = arena_printf(
            t->a, "`%.*s` was ended by signal %d (%s)", SLICE_ARG(words),
            t->run->code,
            sigabbrev_np(t->run->code) ? sigabbrev_np(t->run->code) : "?");
        break;
    case RUN_TIMED_OUT:
        why = arena_printf(t->a,
                           "`%.*s` ran longer than %" PRId64 " s and was ended",
                           SLICE_ARG(words), c->timeout_ms / 1000);
        break;
    case RUN_TOO_LOUD:
        why = arena_printf(
            t->a, "`%.*s` printed more than %" PRId64 " MiB and was ended",
            SLICE_ARG(words), c->output_max >> 20);
        break;
    case RUN_TOO_MANY:
        why = arena_printf(t->a,
                           "`%.*s` had too many processes at once and "
                           "was ended",
                           SLICE_ARG(words));
        break;
    case RUN_NO_START:
        why = arena_printf(t->a, "`%.*s` cannot be started: %s",
                           SLICE_ARG(words), strerrordesc_np(t->run->code));
        how = SLICE("Install the program or correct the gate's command, then "
                    "send complete_phase again.");
        break;
    case RUN_STOPPED:
        why = arena_printf(t->a, "`%.*s` was ended before it was done",
                           SLICE_ARG(words));
        break;
    default:
        why = arena_printf(t->a,
                           "nobody knows how `%.*s` ended: what watched "
                           "it was killed",
                           SLICE_ARG(words));
    }
    refuse(t, why, how);
}

/* --- the guard -------------------------------------------------------------
 */

static const enum provider_result results[RUN_END_COUNT] = {
    [RUN_EXITED] = PROVIDER_ANSWERED,   [RUN_SIGNALED] = PROVIDER_ANSWERED,
    [RUN_TIMED_OUT] = PROVIDER_TIMEOUT, [RUN_TOO_LOUD] = PROVIDER_FAILED,
    [RUN_TOO_MANY] = PROVIDER_FAILED,   [RUN_STOPPED] = PROVIDER_CANCELLED,
    [RUN_NO_START] = PROVIDER_FAILED,   [RUN_LOST] = PROVIDER_FAILED};

static enum err run(const struct eng_exec *x, struct eng_proof *ret)
{
    const struct eng_command *c = x->field->command;
    const char *env[ENVIRONMENT_MOST + 1];
    struct slice root = x->engine->options.root, folder = root;
    struct run_result result = {0};
    enum err e =
        c->folder.n ? path_inside(root, c->folder, x->arena, &folder) : OK;
    if (e == ERR_NOMEM) return e;
    if (e)
        return eng__not_proven(
            ret,
            arena_printf(x->arena, "there is no folder %.*s in the project",
                         SLICE_ARG(c->folder)),
            again);
    environment(c, env);
    struct run_spec spec = {.helper = x->engine->options.helper,
                            .argv = c->argv,
                            .env = env,
                            .folder = arena_cstr(x->arena, folder),
                            .timeout_ms = c->timeout_ms,
                            .output_max = (size_t)c->output_max,
                            .limits = {.cpu_s = c->cpu_s,
                                       .memory_bytes = c->memory_bytes,
                                       .file_bytes = c->file_bytes,
                                       .files = c->files,
                                       .processes = c->processes}};
    if (!spec.folder) return ERR_NOMEM;
    struct told t = {x, &result, ret, x->arena, NULL};
    e = inputs_look(&t);
    if (e || ret->state) return e;
    int64_t began_ms = clock_wall_ms();
    e = run_command(&spec, x->stop, x->ctx, &result);
    if (e) return e;
    if (result.end == RUN_EXITED)
        exited(&t, began_ms);
    else
        not_exited(&t);
    if (inputs_settle(&t)) refuse(&t, SLICE("out of memory"), again);
    members_write(&t);
    buf_done(&result.output);
    log_info("gate", "command ended", LOG_S("field", x->field->name),
             LOG_S("what", ret->detail), LOG_I("ms", result.ms));
    if (result.killed_by)
        atomic_fetch_add_explicit(
            &x->engine->killed[result.killed_by == SIGTERM ? ENG_KILLED_TERM
                                                           : ENG_KILLED_KILL],
            1, memory_order_relaxed);
    ret->run_end = (int)result.end;
    return OK;
}

/* A command that hangs again and again is not begun each time. */
static enum err guarded(const struct eng_exec *x, struct provider *p,
                        struct eng_proof *ret)
{
    struct provider_ticket ticket;
    struct provider_report report;
    enum err e = provider_enter(p, NULL, INT64_MAX, &ticket, &report);
    if (e) {
        struct slice why = provider_text(p, &report, x->arena);
        return eng__not_proven(
            ret, arena_printf(x->arena, "it was not run: %.*s", SLICE_ARG(why)),
            SLICE("Wait so long, see why it failed before, then send "
                  "complete_phase again."));
    }
    e = run(x, ret);
    provider_leave(p, &ticket, e ? PROVIDER_CANCELLED : results[ret->run_end]);
    return e;
}

void eng__exec(const struct eng_exec *x, struct eng_proof *ret)
{
    struct provider *p = NULL;
    struct slice name = arena_printf(x->arena, "exec:%.*s/%.*s",
                                     SLICE_ARG(x->definition->workflow_type),
                                     SLICE_ARG(x->field->name));
    *ret = (struct eng_proof){0};
    enum err e =
        name.p ? provider_get(x->engine->providers, PROVIDER_EXEC, name, &p)
               : ERR_NOMEM;
    if (!e) e = guarded(x, p, ret);
    provider_put(p);
    if (!e) return;
    ret->state = ENG_NOT_PROVEN;
    ret->detail = SLICE("the server could not run it");
    ret->how_to_fix = SLICE("Send complete_phase again; the server's log says "
                            "more.");
}
