/*
 * expr_tree: the inside of engine/expr.h: tokens, values and the tree that the
 * parser builds and the evaluator walks. Private to engine/expr*.c.
 */
#ifndef ENGINE_EXPR_TREE_H
#define ENGINE_EXPR_TREE_H

#include "engine/expr.h"
#include "engine/pattern.h"

/* --- tokens ------------------------------------------------------------ */
/* clang-format off */
/* X(symbol, spelling): operators; longer spellings stand before their starts. */
#define OP_ROWS(X)                                                             \
    X(FLOOR_DIV, "//")                                                         \
    X(LE, "<=")                                                                \
    X(GE, ">=")                                                                \
    X(EQ, "==")                                                                \
    X(NE, "!=")                                                                \
    X(LT, "<")                                                                 \
    X(GT, ">")                                                                 \
    X(ADD, "+")                                                                \
    X(SUB, "-")                                                                \
    X(MUL, "*")                                                                \
    X(DIV, "/")                                                                \
    X(MOD, "%")                                                                \
    X(OPEN, "(")                                                               \
    X(CLOSE, ")")                                                              \
    X(OPEN_LIST, "[")                                                          \
    X(CLOSE_LIST, "]")                                                         \
    X(COMMA, ",")                                                              \
    X(DOT, ".")                                                                \
    X(COLON, ":")
/* X(symbol, word): names with a meaning of their own */
#define WORD_ROWS(X)                                                           \
    X(LAMBDA, "lambda")                                                        \
    X(IF, "if")                                                                \
    X(ELSE, "else")                                                            \
    X(OR, "or")                                                                \
    X(AND, "and")                                                              \
    X(NOT, "not")                                                              \
    X(IN, "in")                                                                \
    X(IS, "is")                                                                \
    X(FOR, "for")                                                              \
    X(TRUE, "True")                                                            \
    X(FALSE, "False")                                                          \
    X(NONE, "None")
/* clang-format on */

enum token_kind {
    T_END,
    T_NAME,
    T_INT,
    T_FLOAT,
    T_STRING,
#define TOKEN_ENUM(symbol, spelling) T_##symbol,
    OP_ROWS(TOKEN_ENUM) WORD_ROWS(TOKEN_ENUM)
#undef TOKEN_ENUM
    /* made by the parser from two words */
    T_NOT_IN,
    T_IS_NOT
};

/* --- values ------------------------------------------------------------ */
enum value_kind {
    V_NONE,
    V_BOOL,
    V_INT,
    V_FLOAT,
    V_STRING,
    V_LIST, /* also tuples, keys() and values() */
    V_DICT,
    V_SET, /* items sorted, each once */
    V_MATCH,
    V_KINDS
};
struct value {
    enum value_kind kind;
    uint32_t count; /* LIST, SET */
    union {
        bool truth;
        int64_t integer;
        double number;
        struct slice text;
        const struct json *json; /* DICT; LIST without items */
    };
    const struct value *items; /* LIST, SET; NULL: the elements of json */
};

/* --- the tree ---------------------------------------------------------- */
enum node_kind {
    N_CONST,
    N_NAME, /* slot */
    N_IF,   /* kids: then, condition, else */
    N_OR,   /* two or more kids */
    N_AND,
    N_NOT,
    N_COMPARE, /* kids and the ops between them */
    N_ARITH,   /* as N_COMPARE, from the left */
    N_MINUS,
    N_INDEX, /* kids: what, index */
    N_LIST,  /* and tuples */
    N_CALL,  /* func, kids: arguments; of a method the object comes first */
    N_EACH,  /* any, all over a generator: kids: test, iterable; slot; all */
    N_ISINSTANCE, /* kids: what; types, or a parameter's slot */
    N_REGEX,      /* kids: pattern, text; place; pattern when it is a literal */
};
struct expr_func;

struct node {
    enum node_kind kind;
    uint32_t count;
    const struct node **kids;
    const enum token_kind *ops; /* count - 1 */
    struct value value;         /* N_CONST */
    const struct expr_func *func;
    const struct eng_pattern *pattern;
    enum eng_pattern_place place;
    unsigned types; /* N_ISINSTANCE: bits of enum expr_type; 0: of a slot */
    uint16_t slot;
    uint16_t height; /* the evaluator's depth below here, itself included */
    bool all;
};

enum { HEIGHT_MOST = 3 * ENG_EXPR_DEPTH };
enum { SLOTS = ENG_EXPR_PARAMS + ENG_EXPR_DEPTH };

struct eng_expr {
    struct slice text;
    struct slice params[ENG_EXPR_PARAMS];
    size_t params_count;
    const struct node *body;
};

/* --- types of isinstance ----------------------------------------------- */
enum expr_type {
    TYPE_STR = 1 << 0,
    TYPE_INT = 1 << 1,
    TYPE_FLOAT = 1 << 2,
    TYPE_BOOL = 1 << 3,
    TYPE_LIST = 1 << 4,
    TYPE_DICT = 1 << 5
};
/* 0: no such name. `as_text`: a parameter may also say "integer". */
unsigned expr_type_of(struct slice name, bool as_text);

/* --- evaluation -------------------------------------------------------- */
struct eval {
    const struct eng_expr *expr;
    struct arena *a;
    size_t steps; /* used */
    struct slice problem;
    enum err err;
    struct value slots[SLOTS];
    /* the newest pattern that was no literal */
    const struct eng_pattern *pattern;
    struct slice pattern_text;
    enum eng_pattern_place pattern_place;
};
/* A function or a method: its arguments are counted by the parser. False: a
 * problem or an error is in x. */
struct expr_func {
    struct slice name;
    uint8_t least, most; /* arguments, a method's object included */
    bool (*run)(struct eval *x, const struct value *args, uint32_t count,
                struct value *ret);
};
const struct expr_func *expr_function(struct slice name);
const struct expr_func *expr_method(struct slice name);
/* yaml.safe_load, which is written with a dot but is no method. */
extern const struct expr_func expr_safe_load;

/* expr_value.c; a false return has set x->problem or x->err. */
bool expr_fail(struct eval *x, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Uses steps up; the bound is on time and memory alike, so who allocates n
 * bytes or reads n bytes charges n / 256 or n / 1024. */
bool expr_charge(struct eval *x, size_t steps);
bool expr_from_json(struct eval *x, const struct json *v, struct value *ret);
const char *expr_kind_name(const struct value *v);
bool expr_is_number(const struct value *v);
long double expr_number(const struct value *v);
bool expr_truth(const struct value *v);
bool expr_equal(struct eval *x, const struct value *a, const struct value *b,
                bool *ret);
/* <0, 0, >0; a problem when the two have no order. */
bool expr_order(struct eval *x, const struct value *a, const struct value *b,
                int *ret);
bool expr_contains(struct eval *x, const struct value *in,
                   const struct value *what, bool *ret);
/* Walks what Python would iterate over. */
struct expr_walk {
    struct value over;
    size_t at; /* element, or byte of a text */
};
bool expr_walk_begin(struct eval *x, const struct value *over,
                     struct expr_walk *ret);
/* *ret_more false: at the end. */
bool expr_walk_next(struct eval *x, struct expr_walk *w, struct value *ret,
                    bool *ret_more);
bool expr_to_list(struct eval *x, const struct value *v, struct value *ret);
bool expr_to_set(struct eval *x, const struct value *v, struct value *ret);
bool expr_sort(struct eval *x, struct value *items, uint32_t count);

/* expr_lex.c */
struct token {
    enum token_kind kind;
    uint32_t at, n;      /* in the text */
    struct slice string; /* T_STRING, decoded */
    int64_t integer;
    double number;
};
struct expr_fault {
    size_t at, n; /* the offending piece */
    struct slice what, how_to_fix;
};
/* Tokens end with T_END. ERR_PARSE with the fault filled, ERR_NOMEM. arena */
MUST_USE enum err expr_lex(struct slice text, struct arena *a,
                           const struct token **ret, struct expr_fault *fault);

#endif
