#include "cli/options_private.h"

#include <assert.h>
#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/yaml.h"

/* --- the rows of all rooms, one behind the other ---------------------------
 */

static const struct option_table *const tables[] = {
    &cli__options_server, &cli__options_limits, &cli__options_caches,
    &cli__options_outside, &cli__options_command};

const struct option_row *cli__option(size_t i)
{
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        if (i < tables[t]->count) return &tables[t]->rows[i];
        i -= tables[t]->count;
    }
    return NULL;
}

/* Its place among all. */
static size_t place_of(const struct option_row *row)
{
    size_t i = 0;
    while (cli__option(i) != row) i++;
    assert(i < CLI_OPTIONS_MAX);
    return i;
}

/* --- the three spellings of a key ---------------------------------------- */

const char *cli__flag_name(const struct option_row *row, char out[NAME_ROOM])
{
    size_t n = 0;
    for (const char *p = row->key; *p && n < NAME_ROOM - 1; p++)
        out[n++] = *p == '.' || *p == '_' ? '-' : *p;
    out[n] = '\0';
    return out;
}

const char *cli__env_name(const struct option_row *row, char out[NAME_ROOM])
{
    size_t n = (size_t)snprintf(out, NAME_ROOM, "PHASEGATE_");
    for (const char *p = row->key; *p && n < NAME_ROOM - 1; p++)
        out[n++] = *p == '.' ? '_' : (char)toupper((unsigned char)*p);
    out[n] = '\0';
    return out;
}

static const struct option_row *row_by_key(struct slice key)
{
    const struct option_row *row;
    for (size_t i = 0; (row = cli__option(i)) != NULL; i++)
        if (slice_eq(key, slice_of(row->key))) return row;
    return NULL;
}

/* --- values --------------------------------------------------------------- */

static void *place(struct cli_options *o, const struct option_row *row)
{
    return (char *)&o->set + row->offset;
}

static enum err refuse(struct cli_options *o, const struct option_row *row,
                       struct slice value, struct slice where)
{
    struct buf b = BUF_INIT(4096);
    cli__option_accepts(row, &b);
    struct slice how = arena_printf(o->arena, "%s takes %.*s.", row->key,
                                    SLICE_ARG(buf_slice(&b)));
    buf_done(&b);
    return problem_setf(&o->problem, o->arena, ERR_INVALID, where, how,
                        "%s: \"%.*s\" is not accepted", row->key,
                        SLICE_ARG(slice_sub(value, 0, 200)));
}

static bool number_fits(const struct option_row *row, int64_t n)
{
    if (n == 0 && row->flags & OR_ZERO) return true;
    return n >= row->min && n <= row->max;
}

static bool number_set(const struct option_row *row, int64_t *to,
                       struct slice value)
{
    int64_t n;
    if (!slice_int64(value, &n) || !number_fits(row, n)) return false;
    *to = n;
    return true;
}

static bool choice_set(const struct option_row *row, int64_t *to,
                       struct slice value)
{
    for (int64_t i = 0; row->choices[i]; i++) {
        if (!slice_eq(value, slice_of(row->choices[i]))) continue;
        *to = i;
        return true;
    }
    return false;
}

static bool boolean_set(bool *to, struct slice value)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true},   {"yes", true}, {"on", true},   {"1", true},
                 {"false", false}, {"no", false}, {"off", false}, {"0", false}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!slice_eq_nocase(value, slice_of(words[i].word))) continue;
        *to = words[i].value;
        return true;
    }
    return false;
}

static bool list_add(struct cli_options *o, struct cli_list *l,
                     struct slice value)
{
    struct slice *grown = ARENA_ARRAY(o->arena, struct slice, l->count + 1);
    if (!grown) return false;
    if (l->count) memcpy(grown, l->items, l->count * sizeof(*grown));
    grown[l->count] = value;
    *l = (struct cli_list){grown, l->count + 1};
    return true;
}

/* One value from one source. A list from a better source starts anew; a value
 * from a lesser one is checked all the same. */
static enum err value_set(struct cli_options *o, const struct option_row *row,
                          struct slice value, enum cli_source from,
                          struct slice where)
{
    union {
        struct slice text;
        struct cli_list list;
        int64_t number;
        bool boolean;
    } unused = {0};
    size_t at = place_of(row);
    enum cli_source *had = &o->from[at];
    void *to = from >= *had ? place(o, row) : &unused;
    if (row->type == LIST && from > *had)
        *(struct cli_list *)to = (struct cli_list){0};
    bool fits = false;
    switch (row->type) {
    case NUMBER:
        fits = number_set(row, to, value);
        break;
    case CHOICE:
        fits = choice_set(row, to, value);
        break;
    case BOOLEAN:
        fits = boolean_set(to, value);
        break;
    case TEXT:
        fits = value.n > 0;
        if (fits) *(struct slice *)to = arena_copy(o->arena, value);
        break;
    case LIST:
        fits = value.n > 0 && list_add(o, to, arena_copy(o->arena, value));
        break;
    }
    if (!fits) return refuse(o, row, value, where);
    if (from >= *had) o->where[at] = where;
    if (from > *had) *had = from;
    return OK;
}

enum err cli_options_init(struct cli_options *o, unsigned groups,
                          struct arena *a)
{
    *o = (struct cli_options){.arena = a, .groups = groups};
    problem_init(&o->problem);
    const struct option_row *row;
    for (size_t i = 0; (row = cli__option(i)) != NULL; i++) {
        if (row->type == NUMBER || row->type == CHOICE)
            *(int64_t *)place(o, row) = row->def;
        else if (row->type == BOOLEAN)
            *(bool *)place(o, row) = row->def != 0;
        else if (row->type == TEXT)
            *(struct slice *)place(o, row) = slice_of(row->text);
    }
    return OK;
}

enum cli_source cli_options_source(const struct cli_options *o,
                                   struct slice key)
{
    const struct option_row *row = row_by_key(key);
    return row ? o->from[place_of(row)] : CLI_FROM_DEFAULT;
}

struct slice cli_options_where(const struct cli_options *o, struct slice key)
{
    const struct option_row *row = row_by_key(key);
    return row ? o->where[place_of(row)] : (struct slice){0};
}

/* --- flags ---------------------------------------------------------------- */

enum { VAL_HELP = 'h', VAL_VERSION = 'V', VAL_ROW = 256 };

struct flag_table {
    struct option options[CLI_OPTIONS_MAX + 3];
    char names[CLI_OPTIONS_MAX][NAME_ROOM];
    const char *shown[CLI_OPTIONS_MAX + 3]; /* for the nearest one */
};

static void flag_table(const struct cli_options *o, struct flag_table *t)
{
    memset(t, 0, sizeof(*t));
    size_t n = 0;
    const struct option_row *row;
    for (size_t i = 0; (row = cli__option(i)) != NULL; i++) {
        if (!(row->group & o->groups)) continue;
        cli__flag_name(row, t->names[i]);
        t->shown[n] = t->names[i];
        t->options[n++] = (struct option){
            t->names[i],
            row->type == BOOLEAN ? optional_argument : required_argument, NULL,
            VAL_ROW + (int)i};
    }
    t->shown[n] = "help";
    t->options[n++] = (struct option){"help", no_argument, NULL, VAL_HELP};
    t->shown[n] = "version";
    t->options[n] = (struct option){"version", no_argument, NULL, VAL_VERSION};
}

static enum err flag_unknown(struct cli_options *o, const struct flag_table *t,
                             const char *given)
{
    struct slice name = slice_of(given);
    while (name.n && name.p[0] == '-') name = slice_sub(name, 1, name.n);
    name = slice_sub(name, 0, slice_find_byte(name, '='));
    const char *near = cli_nearest(name, t->shown);
    struct slice how = near ? arena_printf(o->arena, "Did you mean --%s?", near)
                            : SLICE("--help lists the options.");
    return problem_setf(&o->problem, o->arena, ERR_INVALID,
                        SLICE("command line"), how, "%s: no such option here",
                        given);
}

static enum err flag_take(struct cli_options *o, int val)
{
    if (val == VAL_HELP || val == VAL_VERSION) {
        if (val == VAL_HELP)
            o->help = true;
        else
            o->version = true;
        return OK;
    }
    const struct option_row *row = cli__option((size_t)(val - VAL_ROW));
    struct slice value = slice_of(optarg ? optarg : "true");
    struct slice where =
        arena_printf(o->arena, "command line, --%s",
                     cli__flag_name(row, (char[NAME_ROOM]){0}));
    return value_set(o, row, value, CLI_FROM_FLAG, where);
}

enum err cli_options_flags(struct cli_options *o, int argc, char **argv,
                           bool first_word)
{
    struct flag_table table;
    flag_table(o, &table);
    optind = 0; /* glibc: start anew */
    opterr = 0;
    enum err e = OK;
    while (!e) {
        int before = optind ? optind : 1;
        int val = getopt_long(argc, argv, first_word ? "+:hV" : ":hV",
                              table.options, NULL);
        if (val == -1) break;
        const char *given = argv[before < argc ? before : argc - 1];
        if (val == ':')
            e = problem_setf(
                &o->problem, o->arena, ERR_INVALID, SLICE("command line"),
                SLICE("Give a value behind it."), "%s needs a value", given);
        else if (val == '?')
            e = flag_unknown(o, &table,
                             argv[optind - 1] ? argv[optind - 1] : given);
        else
            e = flag_take(o, val);
    }
    o->rest = optind;
    return e;
}

/* --- the environment ------------------------------------------------------ */

/* A list's items stand between colons. */
static enum err env_list(struct cli_options *o, const struct option_row *row,
                         struct slice value, struct slice where)
{
    struct slice part;
    enum err e = OK;
    while (!e && slice_split(&value, ':', &part))
        if (part.n) e = value_set(o, row, part, CLI_FROM_ENV, where);
    return e;
}

static const char *env_value(char *const *env, const char *name)
{
    size_t n = strlen(name);
    for (; env && *env; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return *env + n + 1;
    return NULL;
}

enum err cli_options_environment(struct cli_options *o, char *const *env)
{
    char name[NAME_ROOM];
    enum err e = OK;
    const struct option_row *row;
    for (size_t i = 0; !e && (row = cli__option(i)) != NULL; i++) {
        const char *value = env_value(env, cli__env_name(row, name));
        if (row->flags & NOT_IN_ENV) continue;
        if (!value || !*value) continue; /* empty: as if not set */
        struct slice where = arena_printf(o->arena, "environment, %s", name);
        e = row->type == LIST
                ? env_list(o, row, slice_of(value), where)
                : value_set(o, row, slice_of(value), CLI_FROM_ENV, where);
    }
    return e;
}

/* --- the file ------------------------------------------------------------- */

struct file_reader {
    struct cli_options *o;
    struct slice path, text;
};

static struct slice file_where(struct file_reader *f, const char *at)
{
    struct text_position pos =
        slice_position(f->text, at ? (size_t)(at - f->text.p) : 0);
    return arena_printf(f->o->arena, "%.*s:%u:%u", SLICE_ARG(f->path), pos.line,
                        pos.column);
}

static enum err file_value(struct file_reader *f, const struct option_row *row,
                           const struct json *v, struct slice where)
{
    struct slice value = v->type == JSON_STRING ? v->text : v->raw;
    if (row->type == LIST && v->type == JSON_ARRAY) {
        enum err e = OK;
        for (uint32_t i = 0; i < v->count && !e; i++)
            e = file_value(f, row, &v->items[i], where);
        return e;
    }
    if (v->type == JSON_OBJECT || v->type == JSON_ARRAY || v->type == JSON_NULL)
        return refuse(f->o, row, value, where);
    return value_set(f->o, row, value, CLI_FROM_FILE, where);
}

static bool key_begins(struct slice prefix)
{
    const struct option_row *row;
    for (size_t i = 0; (row = cli__option(i)) != NULL; i++) {
        struct slice key = slice_of(row->key);
        if (slice_starts(key, prefix) && key.n > prefix.n &&
            key.p[prefix.n] == '.')
            return true;
    }
    return false;
}

static enum err key_unknown(struct file_reader *f, struct slice key,
                            struct slice where)
{
    const char *names[CLI_OPTIONS_MAX + 1] = {NULL};
    const struct option_row *row;
    for (size_t i = 0; (row = cli__option(i)) != NULL; i++) names[i] = row->key;
    const char *near = cli_nearest(key, names);
    struct slice how = near
                           ? arena_printf(f->o->arena, "Did you mean %s?", near)
                           : SLICE("phasegate serve --help lists the options.");
    return problem_setf(&f->o->problem, f->o->arena, ERR_INVALID, where, how,
                        "%.*s: no such option", SLICE_ARG(key));
}

static enum err file_object(struct file_reader *f, struct slice prefix,
                            const struct json *object)
{
    enum err e = OK;
    for (uint32_t i = 0; i < object->count && !e; i++) {
        const struct json_member *m = &object->members[i];
        struct slice where = file_where(f, m->at);
        struct slice key =
            prefix.n ? arena_printf(f->o->arena, "%.*s.%.*s", SLICE_ARG(prefix),
                                    SLICE_ARG(m->key))
                     : m->key;
        const struct option_row *row = row_by_key(key);
        if (row && !(row->flags & NOT_IN_FILE))
            e = file_value(f, row, &m->value, where);
        else if (m->value.type == JSON_OBJECT && key_begins(key))
            e = file_object(f, key, &m->value);
        else
            e = key_unknown(f, key, where);
    }
    return e;
}

enum err cli_options_file(struct cli_options *o, struct slice path,
                          struct slice text)
{
    struct file_reader f = {o, path, text};
    const struct json *root = NULL;
    struct yaml_error ye = {0};
    enum err e = yaml_parse(text, NULL, o->arena, &root, &ye);
    if (e)
        return problem_setf(&o->problem, o->arena, ERR_INVALID, ye.what,
                            SLICE("Mend the file, or remove it."),
                            "%.*s:%u:%u: not readable", SLICE_ARG(path),
                            ye.line, ye.column);
    if (root->type == JSON_NULL) return OK; /* an empty file */
    if (root->type != JSON_OBJECT)
        return problem_setf(&o->problem, o->arena, ERR_INVALID,
                            SLICE("a configuration is keys and values"),
                            SLICE("For example: log: {level: debug}"),
                            "%.*s: no mapping", SLICE_ARG(path));
    return file_object(&f, (struct slice){0}, root);
}

/* --- suggestions ---------------------------------------------------------- */

const char *cli_nearest(struct slice typed, const char *const *names)
{
    const char *found = NULL;
    size_t least = 4;
    for (size_t i = 0; typed.n > 3 && names[i]; i++)
        if (slice_starts(slice_of(names[i]), typed)) return names[i];
    for (; *names; names++) {
        size_t n = strlen(*names), longer = n > typed.n ? n : typed.n;
        size_t d = slice_distance(typed, slice_of(*names));
        if (d >= least || 2 * d >= longer) continue; /* as much is alike */
        least = d;
        found = *names;
    }
    return found;
}
