/* fields: arguments are refused with words that name the field, or every
 * value in the struct keeps its row's promise. */
#include <stdint.h>
#include <stdlib.h>

#include "mcp/fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NEED(cond)                                                             \
    do {                                                                       \
        if (!(cond)) abort();                                                  \
    } while (0)

struct fuzz_args {
    struct slice name, kind;
    int64_t number;
    bool flag;
    const struct json *thing;
    struct mcp_strings list;
    unsigned parts;
};

static const char *const fuzz_kinds[] = {"red", "green", NULL};
static const struct mcp_field rows[] = {
    {"name", MCP_FIELD_STRING, offsetof(struct fuzz_args, name),
     .required = true, .min = 1, .max = 5, .example = "\"anna\""},
    {"kind", MCP_FIELD_STRING, offsetof(struct fuzz_args, kind),
     .choices = fuzz_kinds},
    {"number", MCP_FIELD_INTEGER, offsetof(struct fuzz_args, number), .min = -5,
     .max = 9, .def = 4},
    {"flag", MCP_FIELD_BOOLEAN, offsetof(struct fuzz_args, flag)},
    {"thing", MCP_FIELD_OBJECT, offsetof(struct fuzz_args, thing),
     .wrong = ERR_EVIDENCE_NOT_OBJECT},
    {"list", MCP_FIELD_STRINGS, offsetof(struct fuzz_args, list), .max = 3},
    {"parts", MCP_FIELD_FLAGS, offsetof(struct fuzz_args, parts),
     .choices = fuzz_kinds},
    {0}};

static void check_args(const struct fuzz_args *a)
{
    size_t length = slice_utf8_length(a->name);
    NEED(length >= 1 && length <= 5);
    NEED(slice_find_byte(a->name, '\0') == a->name.n);
    NEED(!a->kind.p || slice_eq(a->kind, SLICE("red")) ||
         slice_eq(a->kind, SLICE("green")));
    NEED(a->number >= -5 && a->number <= 9);
    NEED(!a->thing || a->thing->type == JSON_OBJECT);
    NEED(!a->thing || !json_duplicate_key_deep(a->thing));
    NEED(a->list.count <= 3 && a->parts <= 3);
}

static void check_words(struct slice s)
{
    NEED(s.n > 0 && s.n < 2000 && slice_utf8_valid(s) == s.n);
}

static void check_problem(const struct problem *p, enum err e, struct arena *a)
{
    struct slice text = arena_printf(a, "{%.*s}", SLICE_ARG(p->extra));
    const struct json *v;
    struct json_error je;
    NEED(p->err == e);
    NEED(e == ERR_MISSING_PARAMETER || e == ERR_INVALID_PARAMETER ||
         e == ERR_EVIDENCE_NOT_OBJECT);
    check_words(p->what);
    check_words(p->why);
    check_words(p->how_to_fix);
    NEED(json_parse(text, NULL, a, &v, &je) == OK);
    NEED(json_is(json_get(v, SLICE("field")), JSON_STRING));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    const struct json *v;
    struct json_error je;
    struct fuzz_args args;
    struct problem p;
    arena_init(&a, 64 << 20);
    struct slice in = {(const char *)data, size};
    if (json_parse(in, NULL, &a, &v, &je) == OK && json_is(v, JSON_OBJECT)) {
        problem_init(&p);
        enum err e = mcp_fields_parse(rows, v, &a, &args, sizeof(args), &p);
        if (e)
            check_problem(&p, e, &a);
        else
            check_args(&args);
    }
    arena_done(&a);
    return 0;
}
