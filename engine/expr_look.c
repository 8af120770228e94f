/* What an expression looks at, without running it. The tree is at most
 * HEIGHT_MOST deep. */
#include "engine/expr_tree.h"

static bool is_value(const struct node *n)
{
    return n->kind == N_NAME && n->slot == 0;
}

static bool reads(const struct node *n)
{
    if (is_value(n) || (n->kind == N_ISINSTANCE && !n->types && n->slot == 0))
        return true;
    for (uint32_t i = 0; i < n->count; i++)
        if (reads(n->kids[i])) return true;
    return false;
}

bool eng_expr_reads_value(const struct eng_expr *e)
{
    return reads(e->body);
}

struct look {
    void (*each)(void *ctx, struct slice key);
    void *ctx;
    bool otherwise;
};

static bool is_text(const struct node *n)
{
    return n->kind == N_CONST && n->value.kind == V_STRING;
}

/* The key that this node takes of the value; NULL: none, or no text. */
static const struct node *key_of(const struct node *n)
{
    if (n->count < 2) return NULL;
    const struct node *a = n->kids[0], *b = n->kids[1];
    switch (n->kind) {
    case N_INDEX:
        return is_value(a) && is_text(b) ? b : NULL;
    case N_CALL:
        return is_value(a) && is_text(b) &&
                       slice_eq(n->func->name, SLICE("get"))
                   ? b
                   : NULL;
    case N_COMPARE:
        return n->count == 2 && is_text(a) && is_value(b) &&
                       (n->ops[0] == T_IN || n->ops[0] == T_NOT_IN)
                   ? a
                   : NULL;
    default:
        return NULL;
    }
}

static void look(struct look *l, const struct node *n)
{
    const struct node *key = key_of(n);
    if (key) l->each(l->ctx, key->value.text);
    if (is_value(n)) l->otherwise = true;
    for (uint32_t i = 0; i < n->count; i++)
        if (!(key && is_value(n->kids[i]))) look(l, n->kids[i]);
}

bool eng_expr_keys(const struct eng_expr *e,
                   void (*each)(void *ctx, struct slice key), void *ctx)
{
    struct look l = {each, ctx, false};
    look(&l, e->body);
    return !l.otherwise;
}
