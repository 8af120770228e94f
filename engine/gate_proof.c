/* proof:, file:, command:, ci: and fresh: of a field of a gate file. */
#include "engine/gate_read.h"

#include <inttypes.h>

#include "engine/pattern.h"

enum {
    WORDS_MOST = 256,
    MIB = 1 << 20,
    FILE_MOST_MIB = 1024,
    FILE_USUAL_MIB = 64,
    TIMEOUT_MOST_S = 3600,
    TIMEOUT_USUAL_S = 120,
    OUTPUT_MOST_MIB = 256,
    OUTPUT_USUAL_MIB = 16,
    FILES_USUAL = 4096,
    FILE_SIZE_USUAL_MIB = 4096,
    PROCESSES_MOST = 4096
};

/* --- values --------------------------------------------------------------- */

static void read_int(struct gate_reading *in, const struct json *v,
                     const char *what, int64_t least, int64_t most,
                     int64_t *ret)
{
    int64_t n;
    if (json_int64(v, &n) && n >= least && n <= most) {
        *ret = n;
        return;
    }
    GATE_BROKEN(in, v->raw.p, "Write an integer in this range.",
                "%s must be an integer from %" PRId64 " to %" PRId64, what,
                least, most);
}

static void read_text(struct gate_reading *in, const struct json *v,
                      const char *what, struct slice *ret)
{
    if (!eng__gate_need(in, v, JSON_STRING, what)) return;
    if (!v->text.n)
        GATE_BROKEN(in, v->raw.p, "Give it a value.", "%s is empty", what);
    else if (memchr(v->text.p, '\0', v->text.n))
        GATE_BROKEN(in, v->raw.p, "Take it out.", "%s holds a NUL byte", what);
    else
        *ret = v->text;
}

/* A path of the project, by its letters. */
static void read_path(struct gate_reading *in, const struct json *v,
                      const char *what, struct slice *ret)
{
    struct slice rest, part;
    read_text(in, v, what, ret);
    rest = *ret;
    bool out = rest.n && rest.p[0] == '/';
    while (slice_split(&rest, '/', &part)) out |= slice_eq(part, SLICE(".."));
    if (out)
        GATE_BROKEN(in, v->raw.p, "Write a path below the project's root.",
                    "%s leaves the project", what);
}

static void read_pattern(struct gate_reading *in, const struct json *v,
                         const char *what, enum eng_pattern_place place,
                         const struct eng_pattern **ret, struct slice *ret_text)
{
    struct eng_pattern_fault fault = {0};
    read_text(in, v, what, ret_text);
    if (!ret_text->n) return;
    enum err e = eng_pattern_make(*ret_text, place, in->a, ret, &fault);
    if (e == ERR_NOMEM)
        in->r->failed = true;
    else if (e)
        GATE_BROKEN(in, v->raw.p, "Correct the pattern.",
                    "%s is no pattern: %.*s", what, SLICE_ARG(fault.what));
}

/* --- file: ---------------------------------------------------------------- */

static void file_path(struct gate_reading *in, const struct json *v, void *into)
{
    read_path(in, v, "file.path", &((struct eng_file_demand *)into)->path);
}
static void file_under(struct gate_reading *in, const struct json *v,
                       void *into)
{
    read_path(in, v, "file.under", &((struct eng_file_demand *)into)->under);
}
static void file_pattern(struct gate_reading *in, const struct json *v,
                         void *into)
{
    struct eng_file_demand *d = into;
    read_pattern(in, v, "file.pattern", ENG_ANYWHERE, &d->pattern,
                 &d->pattern_text);
}
static void file_min(struct gate_reading *in, const struct json *v, void *into)
{
    read_int(in, v, "file.min_bytes", 0, (int64_t)FILE_MOST_MIB * MIB,
             &((struct eng_file_demand *)into)->min_bytes);
}
static void file_max(struct gate_reading *in, const struct json *v, void *into)
{
    read_int(in, v, "file.max_bytes", 1, (int64_t)FILE_MOST_MIB * MIB,
             &((struct eng_file_demand *)into)->max_bytes);
}
static void file_newer(struct gate_reading *in, const struct json *v,
                       void *into)
{
    (void)eng__gate_bool(in, v, "file.newer_than_phase",
                         &((struct eng_file_demand *)into)->newer);
}

static const struct gate_key file_keys[] = {
    {SLICE_INIT("path"), file_path},
    {SLICE_INIT("under"), file_under},
    {SLICE_INIT("pattern"), file_pattern},
    {SLICE_INIT("min_bytes"), file_min},
    {SLICE_INIT("max_bytes"), file_max},
    {SLICE_INIT("newer_than_phase"), file_newer},
};
static const struct gate_mapping file_mapping =
    GATE_MAPPING("file", true, file_keys);

/* --- value: --------------------------------------------------------------- */

static void value_take(struct gate_reading *in, const struct json *v,
                       struct eng_value_demand *d, enum eng_value_from from)
{
    static const char *const names[ENG_VALUE_FROM_COUNT] = {
        [ENG_VALUE_REGEX] = "value.regex",
        [ENG_VALUE_JSON] = "value.json",
        [ENG_VALUE_PYTEST] = "value.pytest",
        [ENG_VALUE_JUNIT] = "value.junit"};
    if (d->from)
        GATE_BROKEN(in, v->raw.p, "Keep one of them.",
                    "value has several ways to read it");
    d->from = from;
    if (from == ENG_VALUE_REGEX)
        read_pattern(in, v, names[from], ENG_CAPTURE, &d->pattern, &d->text);
    else if (from == ENG_VALUE_JSON && json_is(v, JSON_STRING) && !v->text.n)
        d->text = SLICE(""); /* the whole document */
    else
        read_text(in, v, names[from], &d->text);
    if (from == ENG_VALUE_JSON && d->text.n && d->text.p[0] != '/')
        GATE_BROKEN(in, v->raw.p, "Write it as /coverage/total.",
                    "value.json is no JSON pointer");
}

static bool is_count(struct slice name)
{
    static const struct slice names[] = {
        SLICE_INIT("passed"), SLICE_INIT("failed"), SLICE_INIT("errors"),
        SLICE_INIT("skipped"), SLICE_INIT("total")};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_eq(name, names[i])) return true;
    return false;
}

static void value_regex(struct gate_reading *in, const struct json *v,
                        void *into)
{
    value_take(in, v, into, ENG_VALUE_REGEX);
}
static void value_json(struct gate_reading *in, const struct json *v,
                       void *into)
{
    value_take(in, v, into, ENG_VALUE_JSON);
}
static void value_count(struct gate_reading *in, const struct json *v,
                        struct eng_value_demand *d, enum eng_value_from from)
{
    value_take(in, v, d, from);
    if (d->text.n && !is_count(d->text))
        GATE_BROKEN(in, v->raw.p,
                    "Write passed, failed, errors, skipped or total.",
                    "\"%.*s\" is no count of tests",
                    SLICE_ARG(eng_clip(in->a, d->text, 60)));
}
static void value_pytest(struct gate_reading *in, const struct json *v,
                         void *into)
{
    value_count(in, v, into, ENG_VALUE_PYTEST);
}
static void value_junit(struct gate_reading *in, const struct json *v,
                        void *into)
{
    value_count(in, v, into, ENG_VALUE_JUNIT);
}
static void value_file(struct gate_reading *in, const struct json *v,
                       void *into)
{
    read_path(in, v, "value.file", &((struct eng_value_demand *)into)->path);
}

static const struct gate_key value_keys[] = {
    {SLICE_INIT("regex"), value_regex},   {SLICE_INIT("json"), value_json},
    {SLICE_INIT("pytest"), value_pytest}, {SLICE_INIT("junit"), value_junit},
    {SLICE_INIT("file"), value_file},
};
static const struct gate_mapping value_mapping =
    GATE_MAPPING("value", true, value_keys);

static void read_value(struct gate_reading *in, const struct json *v,
                       struct eng_value_demand *d)
{
    if (!eng__gate_need(in, v, JSON_OBJECT, "value")) return;
    eng__gate_mapping(in, &value_mapping, v, d);
    if (!d->from)
        GATE_BROKEN(in, v->raw.p, "Add regex, json, pytest or junit.",
                    "value does not say how it is read");
    if (d->from == ENG_VALUE_JUNIT && !d->path.n)
        GATE_BROKEN(in, v->raw.p, "Add file: the report that the run writes.",
                    "value.junit has no file");
}

/* --- command: ------------------------------------------------------------- */

static void command_argv(struct gate_reading *in, const struct json *v,
                         void *into)
{
    struct eng_command *c = into;
    if (!eng__gate_need(in, v, JSON_ARRAY, "command.argv")) return;
    const char **words = ARENA_ARRAY(in->a, const char *, v->count + 1u);
    if (!v->count || v->count > WORDS_MOST)
        GATE_BROKEN(in, v->raw.p, "Write [program, argument, ...].",
                    "command.argv has %u words", v->count);
    for (uint32_t i = 0; words && i < v->count && i < WORDS_MOST; i++) {
        struct slice word = {0};
        read_text(in, &v->items[i], "each word of command.argv", &word);
        words[i] = arena_cstr(in->a, word);
        c->argc = i + 1;
        if (!words[i]) in->r->failed = true;
    }
    if (!words) in->r->failed = true;
    c->argv = words;
}

static bool is_name(struct slice s)
{
    bool good = s.n > 0 && (s.p[0] < '0' || s.p[0] > '9');
    for (size_t i = 0; i < s.n; i++)
        good &= s.p[i] == '_' || (s.p[i] >= '0' && s.p[i] <= '9') ||
                ((s.p[i] | 32) >= 'a' && (s.p[i] | 32) <= 'z');
    return good;
}

static void command_env(struct gate_reading *in, const struct json *v,
                        void *into)
{
    if (!eng__gate_need(in, v, JSON_OBJECT, "command.env")) return;
    if (v->count > WORDS_MOST) {
        GATE_BROKEN(in, v->raw.p, "Set what the command needs and no more.",
                    "command.env has %u variables; 256 may stand here",
                    v->count);
        return;
    }
    const char **list = ARENA_ARRAY(in->a, const char *, v->count + 1u);
    for (uint32_t i = 0; list && i < v->count; i++) {
        const struct json_member *m = &v->members[i];
        struct slice value = {0};
        read_text(in, &m->value, "each value of command.env", &value);
        if (!is_name(m->key))
            GATE_BROKEN(in, m->at, "Use letters, digits and _.",
                        "\"%.*s\" is no name of a variable",
                        SLICE_ARG(eng_clip(in->a, m->key, 60)));
        list[i] = arena_cstr(in->a,
                             arena_printf(in->a, "%.*s=%.*s", SLICE_ARG(m->key),
                                          SLICE_ARG(value)));
        if (!list[i]) in->r->failed = true;
    }
    if (!list) in->r->failed = true;
    ((struct eng_command *)into)->env = list;
}

static void command_folder(struct gate_reading *in, const struct json *v,
                           void *into)
{
    read_path(in, v, "command.folder", &((struct eng_command *)into)->folder);
}

static void command_inputs(struct gate_reading *in, const struct json *v,
                           void *into)
{
    struct eng_command *c = into;
    if (!eng__gate_need(in, v, JSON_ARRAY, "command.inputs")) return;
    struct slice *list = ARENA_ARRAY(in->a, struct slice, v->count + 1u);
    if (v->count > WORDS_MOST)
        GATE_BROKEN(in, v->raw.p, "Name those that matter.",
                    "command.inputs has %u files; 256 may stand here",
                    v->count);
    if (!list) in->r->failed = true;
    for (uint32_t i = 0; list && i < v->count && i < WORDS_MOST; i++) {
        read_path(in, &v->items[i], "each of command.inputs", &list[i]);
        c->inputs_count = i + 1;
    }
    c->inputs = list;
}

static void command_value(struct gate_reading *in, const struct json *v,
                          void *into)
{
    read_value(in, v, &((struct eng_command *)into)->value);
}

/* Numbers are rows of their own: range and unit. */
#define COMMAND_NUMBERS(X)                                                     \
    X(timeout_s, timeout_ms, 1, TIMEOUT_MOST_S, 1000)                          \
    X(output_mb, output_max, 1, OUTPUT_MOST_MIB, MIB)                          \
    X(exit, exit, 0, 255, 1)                                                   \
    X(cpu_s, cpu_s, 1, TIMEOUT_MOST_S * 64, 1)                                 \
    X(memory_mb, memory_bytes, 16, 1 << 20, MIB)                               \
    X(file_mb, file_bytes, 1, 1 << 20, MIB)                                    \
    X(files, files, 16, 1 << 20, 1)                                            \
    X(processes, processes, 1, PROCESSES_MOST, 1)
#define COMMAND_NUMBER(key, member, least, most, unit)                         \
    static void command_##key(struct gate_reading *in, const struct json *v,   \
                              void *into)                                      \
    {                                                                          \
        int64_t n = 0;                                                         \
        read_int(in, v, "command." #key, (least), (most), &n);                 \
        ((struct eng_command *)into)->member = n * (unit);                     \
    }
COMMAND_NUMBERS(COMMAND_NUMBER)

static const struct gate_key command_keys[] = {
    {SLICE_INIT("argv"), command_argv},
    {SLICE_INIT("env"), command_env},
    {SLICE_INIT("folder"), command_folder},
    {SLICE_INIT("inputs"), command_inputs},
    {SLICE_INIT("value"), command_value},
#define COMMAND_ROW(key, ...) {SLICE_INIT(#key), command_##key},
    COMMAND_NUMBERS(COMMAND_ROW)
#undef COMMAND_ROW
};
static const struct gate_mapping command_mapping =
    GATE_MAPPING("command", true, command_keys);

/* --- ci: ------------------------------------------------------------------ */

#define CI_PATH(member)                                                        \
    static void ci_##member(struct gate_reading *in, const struct json *v,     \
                            void *into)                                        \
    {                                                                          \
        read_path(in, v, "ci." #member,                                        \
                  &((struct eng_ci_demand *)into)->member);                    \
    }
CI_PATH(path)
CI_PATH(signature)
/* They stand in the gate file and are pinned with it: a file of the project
 * could be changed by who must not sign. */
static void ci_key_list(struct gate_reading *in, const struct json *v,
                        void *into)
{
    struct eng_ci_demand *d = into;
    if (!eng__gate_need(in, v, JSON_ARRAY, "ci.keys")) return;
    if (v->count > WORDS_MOST)
        GATE_BROKEN(in, v->raw.p, "Keep those that sign.",
                    "ci.keys has %u keys; 256 may stand here", v->count);
    for (uint32_t i = 0; i < v->count && i < WORDS_MOST; i++) {
        struct slice key = {0};
        read_text(in, &v->items[i], "each of ci.keys", &key);
        if (slice_find_byte(key, '\n') < key.n)
            GATE_BROKEN(in, v->items[i].raw.p, "Write one key as one line.",
                        "a key of ci.keys has several lines");
        d->keys = arena_printf(in->a, "%.*s%.*s\n", SLICE_ARG(d->keys),
                               SLICE_ARG(key));
        if (!d->keys.p) in->r->failed = true;
    }
}
static void ci_identity(struct gate_reading *in, const struct json *v,
                        void *into)
{
    read_text(in, v, "ci.identity", &((struct eng_ci_demand *)into)->identity);
}
static void ci_time(struct gate_reading *in, const struct json *v, void *into)
{
    struct eng_ci_demand *d = into;
    read_text(in, v, "ci.time", &d->time);
    if (d->time.n && d->time.p[0] != '/')
        GATE_BROKEN(in, v->raw.p, "Write it as /finished_at.",
                    "ci.time is no JSON pointer");
}
static void ci_value(struct gate_reading *in, const struct json *v, void *into)
{
    read_value(in, v, &((struct eng_ci_demand *)into)->value);
}
static const struct gate_key ci_keys[] = {
    {SLICE_INIT("path"), ci_path},     {SLICE_INIT("signature"), ci_signature},
    {SLICE_INIT("keys"), ci_key_list}, {SLICE_INIT("identity"), ci_identity},
    {SLICE_INIT("value"), ci_value},   {SLICE_INIT("time"), ci_time},
};
static const struct gate_mapping ci_mapping = GATE_MAPPING("ci", true, ci_keys);

/* --- a field's keys, as they come ----------------------------------------- */

#define TAKE(member)                                                           \
    void eng__gate_take_##member(struct gate_reading *in,                      \
                                 const struct json *v, void *into)             \
    {                                                                          \
        (void)in;                                                              \
        ((struct gate_field *)into)->member = v;                               \
    }
TAKE(proof)
TAKE(file)
TAKE(command)
TAKE(ci)
TAKE(fresh)

static bool read_rung(struct gate_reading *in, const struct json *v,
                      enum eng_rung *ret)
{
    struct slice names = {0};
    if (eng_rung_parse(json_text(v), ret)) return true;
    for (int i = 0; i < ENG_RUNG_COUNT; i++)
        names =
            arena_printf(in->a, "%.*s%s%.*s", SLICE_ARG(names), i ? ", " : "",
                         SLICE_ARG(eng_rung_name((enum eng_rung)i)));
    struct slice got = eng_clip(in->a, v->raw, 60);
    GATE_BROKEN(in, v->raw.p, "Write one of these.",
                "proof %.*s is not one of %.*s", SLICE_ARG(got),
                SLICE_ARG(names));
    return false;
}

/* --- when all of a field is known ----------------------------------------- */

static void settle_file(struct gate_reading *in, struct gate_field *f)
{
    struct eng_file_demand *d = ARENA_NEW(in->a, struct eng_file_demand);
    if (!d) {
        in->r->failed = true;
        return;
    }
    d->min_bytes = 1;
    d->max_bytes = (int64_t)FILE_USUAL_MIB * MIB;
    f->field.file = d;
    if (f->field.type != ENG_STRING)
        GATE_BROKEN(in, f->proof->raw.p, "Make the field a string.",
                    "a file is named by its path, and \"%.*s\" is no string",
                    SLICE_ARG(eng_clip(in->a, f->field.name, 80)));
    if (f->file && eng__gate_need(in, f->file, JSON_OBJECT, "file"))
        eng__gate_mapping(in, &file_mapping, f->file, d);
}

/* Of a type that the way it is read can give. */
static void check_value(struct gate_reading *in, const struct gate_field *f,
                        const struct eng_value_demand *d)
{
    enum eng_type t = f->field.type;
    bool counts = d->from == ENG_VALUE_PYTEST || d->from == ENG_VALUE_JUNIT;
    bool fits = d->from == ENG_VALUE_NONE ? t == ENG_BOOLEAN
                : counts                  ? t == ENG_INTEGER || t == ENG_NUMBER
                : d->from == ENG_VALUE_REGEX
                    ? t == ENG_INTEGER || t == ENG_NUMBER || t == ENG_STRING
                    : true;
    if (!fits)
        GATE_BROKEN(in, f->proof->raw.p,
                    "Without value the field is a boolean; a count of tests "
                    "an integer; a regex gives a number or a string.",
                    "\"%.*s\" cannot be a %.*s here",
                    SLICE_ARG(eng_clip(in->a, f->field.name, 80)),
                    SLICE_ARG(eng_type_name(t)));
}

static void settle_command(struct gate_reading *in, struct gate_field *f)
{
    struct eng_command *c = ARENA_NEW(in->a, struct eng_command);
    if (!c) {
        in->r->failed = true;
        return;
    }
    *c = (struct eng_command){.timeout_ms = TIMEOUT_USUAL_S * 1000,
                              .output_max = (int64_t)OUTPUT_USUAL_MIB * MIB,
                              .files = FILES_USUAL,
                              .file_bytes = (int64_t)FILE_SIZE_USUAL_MIB * MIB};
    f->field.command = c;
    if (json_is(f->command, JSON_ARRAY))
        command_argv(in, f->command, c);
    else if (f->command &&
             eng__gate_need(in, f->command, JSON_OBJECT, "command"))
        eng__gate_mapping(in, &command_mapping, f->command, c);
    if (!c->argv)
        GATE_BROKEN(in, f->proof->raw.p, "Add command: {argv: [make, test]}.",
                    "\"%.*s\" has no command to run",
                    SLICE_ARG(eng_clip(in->a, f->field.name, 80)));
    check_value(in, f, &c->value);
    in->gate->runs_commands = true;
}

static void settle_ci(struct gate_reading *in, struct gate_field *f)
{
    struct eng_ci_demand *d = ARENA_NEW(in->a, struct eng_ci_demand);
    if (!d) {
        in->r->failed = true;
        return;
    }
    f->field.ci = d;
    if (f->ci && eng__gate_need(in, f->ci, JSON_OBJECT, "ci"))
        eng__gate_mapping(in, &ci_mapping, f->ci, d);
    struct slice rest = d->keys, key;
    while (slice_split(&rest, '\n', &key))
        d->signers = arena_printf(
            in->a, "%.*s%.*s namespaces=\"phasegate\" %.*s\n",
            SLICE_ARG(d->signers), SLICE_ARG(d->identity), SLICE_ARG(key));
    bool odd = false;
    for (size_t i = 0; i < d->identity.n; i++)
        odd |= !strchr("@.-_+", d->identity.p[i]) &&
               !((d->identity.p[i] | 32) >= 'a' &&
                 (d->identity.p[i] | 32) <= 'z') &&
               !(d->identity.p[i] >= '0' && d->identity.p[i] <= '9');
    if (!d->path.n || !d->keys.n || !d->identity.n || odd)
        GATE_BROKEN(in, f->proof->raw.p,
                    "Add ci: {path: result.json, identity: ci@example.org, "
                    "keys: [\"ssh-ed25519 AAAA...\"]}.",
                    "\"%.*s\" does not say whose signature on which file",
                    SLICE_ARG(eng_clip(in->a, f->field.name, 80)));
    if (!d->signature.n)
        d->signature = arena_printf(in->a, "%.*s.sig", SLICE_ARG(d->path));
    if (!d->signature.p) in->r->failed = true;
    check_value(in, f, &d->value);
}

/* Settings of a rung the field does not demand would be forgotten. */
static void check_stray(struct gate_reading *in, const struct gate_field *f)
{
    const struct {
        const struct json *at;
        enum eng_rung rung;
    } rows[] = {
        {f->file, ENG_FILE}, {f->command, ENG_COMMAND}, {f->ci, ENG_CI}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice name = eng_rung_name(rows[i].rung);
        if (rows[i].at && f->field.rung != rows[i].rung)
            GATE_BROKEN(in, rows[i].at->raw.p, "Add the proof, or remove it.",
                        "%.*s: stands without proof: %.*s", SLICE_ARG(name),
                        SLICE_ARG(name));
    }
}

/* To be asked for and never looked at would be a promise broken silently. */
static void settle_fresh(struct gate_reading *in, struct gate_field *f)
{
    const struct eng_command *c = f->field.command;
    bool files = f->field.file || f->field.ci ||
                 (c && (c->inputs_count || c->value.path.n));
    (void)eng__gate_bool(in, f->fresh, "fresh", &f->field.fresh);
    if (f->field.fresh && !files)
        GATE_BROKEN(in, f->fresh->raw.p,
                    "Demand proof: file or ci, or give the command inputs: "
                    "[the files it reads]; or remove fresh.",
                    "fresh: true, and \"%.*s\" is proven by no file that "
                    "could change",
                    SLICE_ARG(eng_clip(in->a, f->field.name, 80)));
}

void eng__gate_settle_proof(struct gate_reading *in, struct gate_field *f)
{
    static void (*const settle[ENG_RUNG_COUNT])(struct gate_reading *,
                                                struct gate_field *) = {
        [ENG_FILE] = settle_file,
        [ENG_COMMAND] = settle_command,
        [ENG_CI] = settle_ci};
    if (f->proof && !read_rung(in, f->proof, &f->field.rung)) return;
    check_stray(in, f);
    in->gate->approval_required |= f->field.rung == ENG_HUMAN;
    if (f->proof && settle[f->field.rung]) settle[f->field.rung](in, f);
    if (f->fresh) settle_fresh(in, f);
}

/* --- the gate's lowest rung ------------------------------------------------
 */

void eng__gate_take_lowest(struct gate_reading *in, const struct json *v,
                           void *into)
{
    (void)into;
    if (read_rung(in, v, &in->lowest_rung)) in->lowest = v;
}

void eng__gate_settle_lowest(struct gate_reading *in)
{
    for (size_t i = 0; in->lowest && i < in->gate->fields_count; i++) {
        const struct eng_field *f = &in->gate->fields[i];
        if (!f->required || f->rung >= in->lowest_rung) continue;
        GATE_BROKEN(in, in->lowest->raw.p,
                    "Give the field a stronger proof, or make it optional.",
                    "the gate demands proof: %.*s of every required field, and "
                    "\"%.*s\" demands %.*s",
                    SLICE_ARG(eng_rung_name(in->lowest_rung)),
                    SLICE_ARG(eng_clip(in->a, f->name, 80)),
                    SLICE_ARG(eng_rung_name(f->rung)));
    }
}
