#include "mcp/fields.h"

#include <inttypes.h>

enum { NAME_MAX_SHOWN = 64, VALUE_MAX_SHOWN = 80 };

/* One parse under way. */
struct parse {
    const struct mcp_field *fields;
    struct arena *a;
    char *args;
    struct problem *p;
};

/* --- telling ------------------------------------------------------------- */

/* "phase must be an integer of at least 0" */
static struct slice accepted(const struct parse *s, const struct mcp_field *f);

static struct slice short_text(struct slice s, size_t n)
{
    if (s.n <= n) return s;
    while (n && ((unsigned char)s.p[n] & 0xc0) == 0x80) n--;
    return slice_sub(s, 0, n);
}

static void name_field(struct parse *s, struct slice name)
{
    struct buf b = BUF_INIT(1024);
    struct json_writer w = json_writer(&b);
    json_string(&w, short_text(name, NAME_MAX_SHOWN));
    if (!b.err)
        s->p->extra =
            arena_printf(s->a, "\"field\":%.*s", SLICE_ARG(buf_slice(&b)));
    buf_done(&b);
}

static struct slice mend(const struct parse *s, const struct mcp_field *f)
{
    if (f->example)
        return arena_printf(s->a, "Send `%s`, for example \"%s\": %s.", f->name,
                            f->name, f->example);
    return arena_printf(s->a, "Send `%s` as the tool's inputSchema says.",
                        f->name);
}

static enum err tell(struct parse *s, const struct mcp_field *f,
                     const struct json *v, enum err e)
{
    struct slice shown = short_text(v->raw, VALUE_MAX_SHOWN);
    name_field(s, slice_of(f->name));
    return problem_setf(s->p, s->a, e, accepted(s, f), mend(s, f),
                        "`%s` is %.*s%s", f->name, SLICE_ARG(shown),
                        shown.n < v->raw.n ? "..." : "");
}

static enum err wrong(struct parse *s, const struct mcp_field *f,
                      const struct json *v)
{
    return tell(s, f, v, f->wrong ? f->wrong : ERR_INVALID_PARAMETER);
}

static enum err out_of_range(struct parse *s, const struct mcp_field *f,
                             const struct json *v)
{
    return tell(s, f, v, ERR_INVALID_PARAMETER);
}

static enum err refused(struct parse *s, struct slice name, const char *what,
                        const char *why)
{
    struct slice shown = short_text(name, NAME_MAX_SHOWN);
    name_field(s, name);
    return problem_setf(s->p, s->a, ERR_INVALID_PARAMETER, slice_of(why),
                        arena_printf(s->a, "Send `%.*s` once, as plain text.",
                                     SLICE_ARG(shown)),
                        "`%.*s` %s", SLICE_ARG(shown), what);
}

/* --- values, one function per type --------------------------------------- */

static bool has_nul(struct slice s)
{
    return slice_find_byte(s, '\0') < s.n;
}

static bool in_range(const struct mcp_field *f, int64_t n)
{
    return n >= f->min && (!f->max || n <= f->max);
}

/* Index in the list, or -1. */
static int choice(const struct mcp_field *f, struct slice text)
{
    for (int i = 0; f->choices[i]; i++) {
        if (slice_eq(text, slice_of(f->choices[i]))) return i;
    }
    return -1;
}

static enum err read_string(struct parse *s, const struct mcp_field *f,
                            const struct json *v, void *at)
{
    if (!json_is(v, JSON_STRING)) return wrong(s, f, v);
    if (has_nul(v->text)) {
        enum err e = refused(s, slice_of(f->name), "holds a NUL character",
                             "A text here becomes a name or a path.");
        return f->nul ? f->nul : e;
    }
    if (f->choices && choice(f, v->text) < 0) return wrong(s, f, v);
    if ((f->min || f->max) && !in_range(f, (int64_t)slice_utf8_length(v->text)))
        return out_of_range(s, f, v);
    *(struct slice *)at = v->text;
    return OK;
}

static enum err read_integer(struct parse *s, const struct mcp_field *f,
                             const struct json *v, void *at)
{
    int64_t n;
    if (!json_integral(v, &n)) return wrong(s, f, v);
    if (!in_range(f, n)) return out_of_range(s, f, v);
    *(int64_t *)at = n;
    return OK;
}

static enum err read_number(struct parse *s, const struct mcp_field *f,
                            const struct json *v, void *at)
{
    double n;
    if (!json_double(v, &n)) return wrong(s, f, v);
    if (n < (double)f->min || (f->max && n > (double)f->max))
        return out_of_range(s, f, v);
    *(double *)at = n;
    return OK;
}

static enum err read_boolean(struct parse *s, const struct mcp_field *f,
                             const struct json *v, void *at)
{
    if (!json_is_bool(v)) return wrong(s, f, v);
    *(bool *)at = v->type == JSON_TRUE;
    return OK;
}

static enum err read_object(struct parse *s, const struct mcp_field *f,
                            const struct json *v, void *at)
{
    if (!json_is(v, JSON_OBJECT)) return wrong(s, f, v);
    const struct json_member *twice = json_duplicate_key_deep(v);
    if (twice)
        return refused(s, twice->key, "stands twice in one object",
                       "A key means one thing: which of the two is meant "
                       "cannot be known.");
    *(const struct json **)at = v;
    return OK;
}

static enum err read_strings(struct parse *s, const struct mcp_field *f,
                             const struct json *v, void *at)
{
    if (!json_is(v, JSON_ARRAY)) return wrong(s, f, v);
    if (!in_range(f, v->count)) return out_of_range(s, f, v);
    struct slice *items = ARENA_ARRAY(s->a, struct slice, v->count + 1);
    if (!items) return ERR_NOMEM;
    for (uint32_t i = 0; i < v->count; i++) {
        if (!json_is(&v->items[i], JSON_STRING)) return wrong(s, f, v);
        if (has_nul(v->items[i].text))
            return refused(s, slice_of(f->name), "holds a NUL character",
                           "A text here becomes a name or a path.");
        items[i] = v->items[i].text;
    }
    *(struct mcp_strings *)at = (struct mcp_strings){items, v->count};
    return OK;
}

static enum err read_flags(struct parse *s, const struct mcp_field *f,
                           const struct json *v, void *at)
{
    unsigned bits = 0;
    if (!json_is(v, JSON_ARRAY)) return wrong(s, f, v);
    for (uint32_t i = 0; i < v->count; i++) {
        int bit = json_is(&v->items[i], JSON_STRING)
                      ? choice(f, v->items[i].text)
                      : -1;
        if (bit < 0) return wrong(s, f, v);
        bits |= 1u << bit;
    }
    *(unsigned *)at = bits;
    return OK;
}

static const struct type_row {
    const char *words, *schema;
    enum err (*read)(struct parse *s, const struct mcp_field *f,
                     const struct json *v, void *at);
} types[MCP_FIELD_TYPE_COUNT] = {
    [MCP_FIELD_STRING] = {"a string", "string", read_string},
    [MCP_FIELD_INTEGER] = {"an integer", "integer", read_integer},
    [MCP_FIELD_NUMBER] = {"a number", "number", read_number},
    [MCP_FIELD_BOOLEAN] = {"true or false", "boolean", read_boolean},
    [MCP_FIELD_OBJECT] = {"an object", "object", read_object},
    [MCP_FIELD_STRINGS] = {"an array of strings", "array", read_strings},
    [MCP_FIELD_FLAGS] = {"an array of strings", "array", read_flags},
};

static void put_range(struct buf *b, const struct mcp_field *f)
{
    bool value = f->type == MCP_FIELD_INTEGER || f->type == MCP_FIELD_NUMBER;
    const char *unit = value                         ? ""
                       : f->type == MCP_FIELD_STRING ? " characters"
                                                     : " items";
    if (!value && !f->min && !f->max) return;
    if (f->min > INT64_MIN && f->max)
        buf_printf(b, ", from %" PRId64 " to %" PRId64 "%s", f->min, f->max,
                   unit);
    else if (f->min > INT64_MIN)
        buf_printf(b, ", at least %" PRId64 "%s", f->min, unit);
    else if (f->max)
        buf_printf(b, ", at most %" PRId64 "%s", f->max, unit);
}

static void put_choices(struct buf *b, const struct mcp_field *f)
{
    buf_puts(b, f->type == MCP_FIELD_FLAGS ? ", each one of" : ", one of");
    for (size_t i = 0; f->choices[i]; i++)
        buf_printf(b, "%s %s", i ? "," : "", f->choices[i]);
}

static struct slice accepted(const struct parse *s, const struct mcp_field *f)
{
    struct buf b = BUF_INIT(4096);
    buf_printf(&b, "`%s` must be %s", f->name, types[f->type].words);
    if (f->choices)
        put_choices(&b, f);
    else if (f->type != MCP_FIELD_BOOLEAN && f->type != MCP_FIELD_OBJECT)
        put_range(&b, f);
    buf_putc(&b, '.');
    struct slice text = arena_copy(s->a, buf_slice(&b));
    buf_done(&b);
    return text;
}

/* --- the object ---------------------------------------------------------- */

static const struct mcp_field *find(const struct mcp_field *fields,
                                    struct slice name)
{
    for (const struct mcp_field *f = fields; f->name; f++) {
        if (slice_eq(name, slice_of(f->name))) return f;
    }
    return NULL;
}

static const struct mcp_field *nearest(const struct mcp_field *fields,
                                       struct slice name)
{
    const struct mcp_field *found = NULL;
    size_t least = name.n / 2 + 1;
    if (name.n > NAME_MAX_SHOWN) return NULL;
    for (const struct mcp_field *f = fields; f->name; f++) {
        struct slice known = slice_of(f->name);
        if (known.n > NAME_MAX_SHOWN) continue;
        size_t d = slice_starts(name, known) || slice_starts(known, name)
                       ? 1
                       : slice_distance(name, known);
        if (name.n && d < least) {
            least = d;
            found = f;
        }
    }
    return found;
}

static struct slice known_names(struct parse *s)
{
    struct buf b = BUF_INIT(4096);
    buf_puts(&b, s->fields->name ? "Known here:" : "No arguments are taken");
    for (const struct mcp_field *f = s->fields; f->name; f++)
        buf_printf(&b, "%s %s", f == s->fields ? "" : ",", f->name);
    buf_putc(&b, '.');
    struct slice text = arena_copy(s->a, buf_slice(&b));
    buf_done(&b);
    return text;
}

static enum err unknown(struct parse *s, struct slice name)
{
    const struct mcp_field *near = nearest(s->fields, name);
    struct slice shown = short_text(name, NAME_MAX_SHOWN);
    struct slice how =
        near ? arena_printf(s->a, "Did you mean `%s`?", near->name)
             : arena_printf(s->a, "Leave `%.*s` out.", SLICE_ARG(shown));
    name_field(s, name);
    return problem_setf(s->p, s->a, ERR_INVALID_PARAMETER, known_names(s), how,
                        "`%.*s` is not known", SLICE_ARG(shown));
}

static enum err missing(struct parse *s, const struct mcp_field *f)
{
    name_field(s, slice_of(f->name));
    return problem_setf(s->p, s->a, ERR_MISSING_PARAMETER, accepted(s, f),
                        mend(s, f), "`%s` is missing", f->name);
}

static void set_default(char *args, const struct mcp_field *f)
{
    if (f->type == MCP_FIELD_INTEGER)
        *(int64_t *)(void *)(args + f->offset) = f->def;
    if (f->type == MCP_FIELD_NUMBER)
        *(double *)(void *)(args + f->offset) = (double)f->def;
    if (f->type == MCP_FIELD_BOOLEAN)
        *(bool *)(void *)(args + f->offset) = f->def != 0;
}

static enum err check_names(struct parse *s, const struct json *object)
{
    const struct json_member *twice = json_duplicate_key(object);
    if (twice)
        return refused(s, twice->key, "stands twice",
                       "An argument has one value: which of the two is meant "
                       "cannot be known.");
    for (uint32_t i = 0; object && i < object->count; i++) {
        if (!find(s->fields, object->members[i].key))
            return unknown(s, object->members[i].key);
    }
    return OK;
}

enum err mcp_fields_parse(const struct mcp_field *fields,
                          const struct json *object, struct arena *a,
                          void *ret_args, size_t args_size, struct problem *p)
{
    struct parse s = {.fields = fields, .a = a, .args = ret_args, .p = p};
    memset(ret_args, 0, args_size);
    if (object && !json_is(object, JSON_OBJECT))
        return problem_set(p, ERR_INVALID_PARAMETER, SLICE("no JSON object"),
                           SLICE("What was sent is JSON of another type."),
                           SLICE("Send one JSON object."));
    enum err e = check_names(&s, object);
    for (const struct mcp_field *f = fields; !e && f->name; f++) {
        const struct json *v = json_get(object, slice_of(f->name));
        set_default(s.args, f);
        if (json_is(v, JSON_NULL) && !f->required) v = NULL;
        if (v)
            e = types[f->type].read(&s, f, v, s.args + f->offset);
        else if (f->required)
            e = missing(&s, f);
    }
    return e;
}

/* --- the schema ---------------------------------------------------------- */

static void put_enum(struct json_writer *w, const struct mcp_field *f)
{
    json_key(w, SLICE("enum"));
    json_begin_array(w);
    for (size_t i = 0; f->choices[i]; i++)
        json_string(w, slice_of(f->choices[i]));
    json_end_array(w);
}

static void put_bounds(struct json_writer *w, const struct mcp_field *f)
{
    static const char *const names[MCP_FIELD_TYPE_COUNT][2] = {
        [MCP_FIELD_STRING] = {"minLength", "maxLength"},
        [MCP_FIELD_INTEGER] = {"minimum", "maximum"},
        [MCP_FIELD_NUMBER] = {"minimum", "maximum"},
        [MCP_FIELD_STRINGS] = {"minItems", "maxItems"},
    };
    const char *const *name = names[f->type];
    bool zero = f->type == MCP_FIELD_INTEGER || f->type == MCP_FIELD_NUMBER;
    if (!name[0]) return;
    if (f->min > INT64_MIN && (f->min || zero))
        json_put_int(w, name[0], f->min);
    if (f->max) json_put_int(w, name[1], f->max);
}

static void put_items(struct json_writer *w, const struct mcp_field *f)
{
    json_key(w, SLICE("items"));
    json_begin_object(w);
    json_put_string(w, "type", SLICE("string"));
    if (f->choices) put_enum(w, f);
    json_end_object(w);
}

static void put_default(struct json_writer *w, const struct mcp_field *f)
{
    if (!f->has_default) return;
    if (f->type == MCP_FIELD_BOOLEAN)
        json_put_bool(w, "default", f->def != 0);
    else
        json_put_int(w, "default", f->def);
}

static void put_field(struct json_writer *w, const struct mcp_field *f)
{
    bool array = f->type == MCP_FIELD_STRINGS || f->type == MCP_FIELD_FLAGS;
    json_key(w, slice_of(f->name));
    json_begin_object(w);
    json_put_string(w, "type", slice_of(types[f->type].schema));
    if (f->description)
        json_put_string(w, "description", slice_of(f->description));
    if (array)
        put_items(w, f);
    else if (f->choices)
        put_enum(w, f);
    put_bounds(w, f);
    put_default(w, f);
    if (f->header) json_put_string(w, "x-mcp-header", slice_of(f->header));
    json_end_object(w);
}

static void put_required(struct json_writer *w, const struct mcp_field *fields)
{
    bool any = false;
    for (const struct mcp_field *f = fields; f->name; f++)
        any = any || f->required;
    if (!any) return;
    json_key(w, SLICE("required"));
    json_begin_array(w);
    for (const struct mcp_field *f = fields; f->name; f++) {
        if (f->required) json_string(w, slice_of(f->name));
    }
    json_end_array(w);
}

void mcp_fields_schema(const struct mcp_field *fields, struct json_writer *w)
{
    json_begin_object(w);
    json_put_string(w, "type", SLICE("object"));
    if (fields && fields->name) {
        json_key(w, SLICE("properties"));
        json_begin_object(w);
        for (const struct mcp_field *f = fields; f->name; f++) put_field(w, f);
        json_end_object(w);
        put_required(w, fields);
    }
    json_put_bool(w, "additionalProperties", false);
    json_end_object(w);
}
