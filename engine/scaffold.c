#include "engine/scaffold.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json_write.h"
#include "base/random.h"

enum { NAME_MOST = 64, PHASE_MOST = 80, TEXT_MOST = 400, FILES_PER_PHASE = 4 };

struct writing {
    const struct eng_scaffold *s;
    struct arena *a;
    struct problem *p;
    struct slice output; /* canonical */
    struct slice temp;   /* the folder until it gets its name */
    struct slice *files;
    size_t count;
};

/* --- names --------------------------------------------------------------- */
static enum err refuse(struct writing *w, enum err e, struct slice what,
                       const char *why, const char *how_to_fix)
{
    return problem_setf(w->p, w->a, e, slice_of(why), slice_of(how_to_fix),
                        "%.*s", SLICE_ARG(what));
}

/* Names that folders of a workflow have, or that a file system keeps. */
static bool reserved(struct slice name)
{
    static const char *const names[] = {
        "core", "dynamic", "metadata", "phases", "supporting-docs",
        "con",  "prn",     "aux",      "nul",    "com1",
        "com2", "com3",    "com4",     "lpt1",   "lpt2",
        "lpt3", NULL};
    for (size_t i = 0; names[i]; i++)
        if (slice_eq_nocase(name, slice_of(names[i]))) return true;
    return false;
}

static enum err check_name(struct writing *w)
{
    static const char how[] = "Use a name like release_v1: a letter, then "
                              "letters, digits, _ or -, at most 64.";
    struct slice n = w->s->name;
    bool fine = n.n > 0 && n.n <= NAME_MOST && isalpha((unsigned char)n.p[0]);
    for (size_t i = 0; i < n.n && fine; i++) {
        unsigned char c = (unsigned char)n.p[i];
        fine = isalnum(c) || c == '_' || c == '-';
    }
    if (!fine)
        return refuse(w, ERR_INVALID_PARAMETER, SLICE("name"),
                      "It is no name for a workflow's folder.", how);
    if (reserved(n))
        return refuse(w, ERR_INVALID_PARAMETER, SLICE("name"),
                      "The name is reserved.", how);
    return OK;
}

/* One visible line. */
static bool is_line(struct slice s, size_t most)
{
    unsigned ignored;
    return slice_trim(s).n > 0 && s.n <= most && slice_utf8_valid(s) == s.n &&
           slice_unseen(s, &ignored) == s.n;
}

static enum err check_phase(struct writing *w, size_t i)
{
    struct slice name = slice_trim(w->s->phases[i]);
    struct slice what = arena_printf(w->a, "phases[%zu]", i);
    if (!is_line(name, PHASE_MOST) || slice_find_byte(name, '`') < name.n ||
        slice_find_byte(name, '|') < name.n)
        return refuse(w, ERR_INVALID_PARAMETER, what,
                      "It is no name for a phase.",
                      "Name each phase in a word or a few, like Plan or Write "
                      "the tests: one line, at most 80 bytes, without ` or |.");
    for (size_t k = 0; k < i; k++)
        if (slice_eq_nocase(name, slice_trim(w->s->phases[k])))
            return refuse(w, ERR_INVALID_PARAMETER, what,
                          "Two phases have one name.",
                          "Give each a name that tells them apart.");
    return OK;
}

static enum err check(struct writing *w)
{
    const struct eng_scaffold *s = w->s;
    enum err e = check_name(w);
    if (!e && (s->phases_count == 0 || s->phases_count > ENG_SCAFFOLD_PHASES))
        e = refuse(w, ERR_INVALID_PARAMETER, SLICE("phases"),
                   "A workflow has 1 to 50 phases.",
                   "Name its phases, in the order in which they are walked.");
    for (size_t i = 0; !e && i < s->phases_count; i++) e = check_phase(w, i);
    if (!e && s->description.n && !is_line(s->description, TEXT_MOST))
        e = refuse(w, ERR_INVALID_PARAMETER, SLICE("description"),
                   "It is no single visible line of at most 400 bytes.",
                   "Say in a sentence when to use the workflow.");
    return e;
}

/* --- where it goes ---------------------------------------------------------
 */
static enum err outside(struct writing *w)
{
    return refuse(w, ERR_INVALID_PARAMETER, SLICE("output_dir"),
                  "It leads out of the project, or through what is no folder.",
                  "Name a folder inside the project, or leave it out.");
}

static bool has_parent_part(struct slice path)
{
    struct slice part;
    while (path.n > 0 && slice_split(&path, '/', &part))
        if (slice_eq(part, SLICE(".."))) return true;
    return false;
}

/* The deepest part of the path that exists must lie inside the root; what is
 * made below it then does. */
static enum err settle_output(struct writing *w)
{
    struct slice root = w->s->root, path = w->s->output, real;
    unsigned ignored;
    if (slice_unseen(path, &ignored) < path.n || has_parent_part(path))
        return outside(w);
    if (path.n == 0 || path.p[0] != '/') path = path_join(w->a, root, path);
    if (!path.p) return ERR_NOMEM;
    for (struct slice at = path;;) {
        enum err e = path_inside(root, at, w->a, &real);
        if (e == ERR_INVALID) return outside(w);
        if (!e) break;
        if (e != ERR_NOT_FOUND) return e;
        while (at.n > 0 && at.p[at.n - 1] == '/') at.n--;
        while (at.n > 0 && at.p[at.n - 1] != '/') at.n--;
        if (at.n <= 1) return outside(w);
    }
    enum err e = path_make(path, 0755);
    if (e == ERR_INVALID) return outside(w);
    if (!e) e = path_inside(root, path, w->a, &w->output);
    return e == ERR_INVALID ? outside(w) : e;
}

/* --- texts -----------------------------------------------------------------
 */
static void put_texts(struct json_writer *w, const char *key, struct slice text)
{
    json_key(w, slice_of(key));
    json_begin_array(w);
    json_string(w, text);
    json_end_array(w);
}

static void task_write(struct json_writer *w, int number, const char *name,
                       const char *file)
{
    json_begin_object(w);
    json_put_int(w, "task_number", number);
    json_put_string(w, "name", slice_of(name));
    json_put_string(w, "file", slice_of(file));
    json_end_object(w);
}

#define TASK_DO "task-1-do-the-work.md"
#define TASK_CHECK "task-2-check-the-result.md"

static void phase_write(struct writing *w, struct json_writer *j, size_t i)
{
    struct slice name = slice_trim(w->s->phases[i]);
    json_begin_object(j);
    json_put_int(j, "phase_number", (int64_t)i);
    json_put_string(j, "phase_name", name);
    json_put_string(j, "purpose",
                    arena_printf(w->a, "%.*s: what it is for, in a sentence",
                                 SLICE_ARG(name)));
    json_put_string(j, "estimated_effort", SLICE("30 minutes to 2 hours"));
    put_texts(j, "key_deliverables",
              arena_printf(w->a, "what %.*s leaves behind", SLICE_ARG(name)));
    put_texts(j, "validation_criteria",
              SLICE("the result was checked, and a summary says how"));
    json_key(j, SLICE("tasks"));
    json_begin_array(j);
    task_write(j, 1, "Do the work", TASK_DO);
    task_write(j, 2, "Check the result", TASK_CHECK);
    json_end_array(j);
    json_end_object(j);
}

static struct slice description(struct writing *w)
{
    const struct eng_scaffold *s = w->s;
    if (slice_trim(s->description).n) return slice_trim(s->description);
    struct slice names = {0};
    for (size_t i = 0; i < s->phases_count && names.n < TEXT_MOST; i++)
        names =
            arena_printf(w->a, "%.*s%s%.*s", SLICE_ARG(names), i ? ", " : "",
                         SLICE_ARG(slice_trim(s->phases[i])));
    return arena_printf(w->a, "Leads from the first step to the last: %.*s.",
                        SLICE_ARG(names));
}

/* A person edits this file: two spaces for each level. */
static void indented(struct buf *out, struct slice compact)
{
    unsigned depth = 0;
    bool text = false;
    for (size_t i = 0; i < compact.n; i++) {
        char c = compact.p[i], next = i + 1 < compact.n ? compact.p[i + 1] : 0;
        if (text) {
            buf_putc(out, c);
            if (c == '\\') buf_putc(out, compact.p[++i]);
            text = c != '"';
            continue;
        }
        text = c == '"';
        bool close = c == '}' || c == ']';
        depth -= close;
        if (close) buf_printf(out, "\n%*s", (int)(2 * depth), "");
        buf_putc(out, c);
        if (c == ':') buf_putc(out, ' ');
        depth += c == '{' || c == '[';
        if ((c == '{' || c == '[' || c == ',') && next)
            buf_printf(out, "\n%*s", (int)(2 * depth), "");
    }
    buf_putc(out, '\n');
}

static void metadata_text(struct writing *w, size_t ignored, struct buf *out)
{
    const struct eng_scaffold *s = w->s;
    struct buf compact = BUF_INIT(1u << 20);
    struct json_writer j = json_writer(&compact);
    (void)ignored;
    json_begin_object(&j);
    json_put_string(&j, "workflow_type", s->name);
    json_put_string(&j, "version", SLICE("0.1.0"));
    json_put_string(&j, "name", s->name);
    json_put_string(&j, "description", description(w));
    json_put_int(&j, "total_phases", (int64_t)s->phases_count);
    json_put_string(&j, "estimated_duration", SLICE("a few hours"));
    put_texts(&j, "primary_outputs",
              SLICE("what the last phase leaves behind"));
    json_key(&j, SLICE("phases"));
    json_begin_array(&j);
    for (size_t i = 0; i < s->phases_count; i++) phase_write(w, &j, i);
    json_end_array(&j);
    json_end_object(&j);
    if (compact.err)
        out->err = compact.err;
    else
        indented(out, buf_slice(&compact));
    buf_done(&compact);
}

static void phase_text(struct writing *w, size_t i, struct buf *out)
{
    struct slice name = slice_trim(w->s->phases[i]);
    buf_printf(
        out,
        "# Phase %zu: %.*s\n\n"
        "**Purpose:** %.*s: what it is for, in a sentence.\n\n"
        "Say here what the agent must know before it begins: what is given, "
        "what is\nwanted, and what is out of bounds.\n\n"
        "## Tasks\n\n"
        "1. Do the work.\n"
        "2. Check the result, and write down how.\n\n"
        "## Validation gate\n\n"
        "Call `complete_phase` with `phase: %zu` and this evidence:\n\n"
        "| Evidence | Type | What is accepted |\n|---|---|---|\n"
        "| `work_summary` | string | at least 40 characters: what was done, "
        "and where it can be seen |\n"
        "| `result_checked` | boolean | `true` |\n",
        i, SLICE_ARG(name), SLICE_ARG(name), i);
}

static void work_text(struct writing *w, size_t i, struct buf *out)
{
    struct slice name = slice_trim(w->s->phases[i]);
    buf_printf(out,
               "# Task 1: Do the work\n\n"
               "**Phase:** %zu (%.*s)\n\n"
               "## Objective\n\n"
               "One sentence: what is different when this task is done.\n\n"
               "## Steps\n\n"
               "1. Read what is there before changing it.\n"
               "2. Make the smallest step that can be checked.\n"
               "3. Note what was done and where it can be seen: that becomes "
               "`work_summary`.\n\n"
               "## Completion criteria\n\n"
               "- [ ] What phase.md asks for is there.\n\n"
               "Next: task 2, check the result.\n",
               i, SLICE_ARG(name));
}

static void check_text(struct writing *w, size_t i, struct buf *out)
{
    struct slice name = slice_trim(w->s->phases[i]);
    buf_printf(out,
               "# Task 2: Check the result\n\n"
               "**Phase:** %zu (%.*s)\n\n"
               "## Objective\n\n"
               "Somebody who does not trust you could repeat the check.\n\n"
               "## Steps\n\n"
               "1. Run what shows that the work is right: a test, a command, "
               "a reading.\n"
               "2. If it is not, go back to task 1.\n"
               "3. Only then is `result_checked` true.\n\n"
               "## Completion criteria\n\n"
               "- [ ] The check was made after the last change.\n\n"
               "Next: complete phase %zu.\n",
               i, SLICE_ARG(name), i);
}

static void gate_text(struct writing *w, size_t i, struct buf *out)
{
    (void)w;
    buf_printf(out,
               "# Gate of phase %zu: what must be shown before the next phase "
               "opens.\n"
               "checkpoint:\n"
               "  strict: true\n\n"
               "evidence_schema:\n"
               "  work_summary:\n"
               "    type: string\n"
               "    required: true\n"
               "    description: \"What was done, and where it can be seen\"\n"
               "    validator: min_length\n"
               "    validator_params: {min_len: 40}\n"
               "  result_checked:\n"
               "    type: boolean\n"
               "    required: true\n"
               "    expect: true\n"
               "    description: \"The result was checked after the last "
               "change\"\n",
               i);
}

/* --- files -----------------------------------------------------------------
 */
struct text_row {
    const char *name;
    void (*put)(struct writing *w, size_t phase, struct buf *out);
};
static const struct text_row metadata_row = {"metadata.json", metadata_text};
static const struct text_row phase_rows[FILES_PER_PHASE] = {
    {"gate-definition.yaml", gate_text},
    {"phase.md", phase_text},
    {TASK_DO, work_text},
    {TASK_CHECK, check_text}};

static enum err write_one(struct writing *w, const struct text_row *row,
                          size_t phase, struct slice file)
{
    struct buf b = BUF_INIT(1u << 20);
    struct slice path = path_join(w->a, w->temp, file);
    row->put(w, phase, &b);
    enum err e = b.err ? b.err : path.p && file.p ? OK : ERR_NOMEM;
    if (!e) e = file_write_atomic(path, buf_slice(&b), 0644);
    if (!e) w->files[w->count++] = file;
    buf_done(&b);
    return e;
}

static enum err write_all(struct writing *w)
{
    size_t most = 1 + w->s->phases_count * FILES_PER_PHASE;
    w->files = ARENA_ARRAY(w->a, struct slice, most);
    if (!w->files) return ERR_NOMEM;
    enum err e = path_make(w->temp, 0755);
    if (!e) e = write_one(w, &metadata_row, 0, slice_of(metadata_row.name));
    for (size_t i = 0; !e && i < w->s->phases_count; i++) {
        struct slice folder = arena_printf(w->a, "phases/%zu", i);
        struct slice path = path_join(w->a, w->temp, folder);
        e = path.p ? path_make(path, 0755) : ERR_NOMEM;
        for (size_t k = 0; !e && k < FILES_PER_PHASE; k++)
            e = write_one(
                w, &phase_rows[k], i,
                path_join(w->a, folder, slice_of(phase_rows[k].name)));
    }
    return e;
}

/* Memory may be what was wanting. */
static void remove_path(struct writing *w, struct slice below, bool folder)
{
    char name[PATH_MAX];
    int n = snprintf(name, sizeof(name), "%.*s/%.*s", SLICE_ARG(w->temp),
                     SLICE_ARG(below));
    if (n < PATH_MAX) (void)(folder ? rmdir(name) : unlink(name));
}

static void remove_all(struct writing *w)
{
    for (size_t i = 0; i < w->count; i++) remove_path(w, w->files[i], false);
    for (size_t i = 0; i < w->s->phases_count; i++) {
        char phase[32];
        (void)snprintf(phase, sizeof(phase), "phases/%zu", i);
        remove_path(w, slice_of(phase), true);
    }
    remove_path(w, SLICE("phases"), true);
    remove_path(w, (struct slice){0}, true);
}

static enum err exists(struct writing *w, struct slice to)
{
    return refuse(w, ERR_EXISTS, to,
                  "There is something of this name, and nothing is "
                  "overwritten.",
                  "Choose another name, or move it away.");
}

/* Where the file system cannot refuse by itself, somebody who makes the same
 * folder at the same moment may be replaced, if it is empty. */
static enum err give_name(struct writing *w, struct slice to)
{
    const char *from = arena_cstr(w->a, w->temp), *name = arena_cstr(w->a, to);
    if (!from || !name) return ERR_NOMEM;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, name, RENAME_NOREPLACE) == 0)
        return OK;
    if (errno == EINVAL || errno == ENOSYS) {
        struct stat st;
        if (lstat(name, &st) == 0) return exists(w, to);
        if (rename(from, name) == 0) return OK;
    }
    if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR)
        return exists(w, to);
    return ERR_IO;
}

static int by_bytes(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static enum err make(struct writing *w, struct eng_scaffolded *ret)
{
    struct stat st;
    struct slice to = path_join(w->a, w->output, w->s->name);
    const char *name = to.p ? arena_cstr(w->a, to) : NULL;
    if (!name) return ERR_NOMEM;
    if (lstat(name, &st) == 0) return exists(w, to);
    w->temp =
        arena_printf(w->a, "%.*s/.new-%.*s-%016llx", SLICE_ARG(w->output),
                     SLICE_ARG(w->s->name), (unsigned long long)random_u64());
    if (!w->temp.p) return ERR_NOMEM;
    enum err e = write_all(w);
    if (!e) e = give_name(w, to);
    if (e) {
        remove_all(w);
        return e;
    }
    qsort(w->files, w->count, sizeof(*w->files), by_bytes);
    *ret = (struct eng_scaffolded){to, w->files, w->count};
    return OK;
}

enum err eng_scaffold_write(const struct eng_scaffold *s, struct arena *a,
                            struct problem *p, struct eng_scaffolded *ret)
{
    struct writing w = {.s = s, .a = a, .p = p};
    enum err e = check(&w);
    if (!e) e = settle_output(&w);
    if (!e) e = make(&w, ret);
    if (!e || p->err) return e;
    return refuse(&w, e, s->name, "The workflow's files cannot be written.",
                  e == ERR_NOMEM ? "Try again."
                                 : "Check the folder's permissions and the "
                                   "space on its disk.");
}
