#include "engine/target.h"

#include "engine/problems.h"

#define TARGET_MAX 1024

static enum err refuse(struct eng_call *c, struct slice target, const char *why)
{
    return problem_setf(
        &c->problem, c->arena, ERR_INVALID_TARGET, slice_of(why),
        SLICE("Name the file or thing that is worked on, relative to the "
              "project: \"src/parser.c\" or \"issue-42\"."),
        "target \"%.*s\" is refused", SLICE_ARG(slice_sub(target, 0, 120)));
}

/* %2e, %2f and %5c are '.', '/' and '\' for whoever decodes them later. */
static bool encoded_separator(struct slice s)
{
    for (size_t i = 0; i + 3 <= s.n; i++) {
        struct slice at = slice_sub(s, i, 3);
        if (slice_eq_nocase(at, SLICE("%2e")) ||
            slice_eq_nocase(at, SLICE("%2f")) ||
            slice_eq_nocase(at, SLICE("%5c")))
            return true;
    }
    return false;
}

static bool parent_component(struct slice s)
{
    struct slice part;
    while (slice_split(&s, '/', &part))
        if (slice_eq(part, SLICE(".."))) return true;
    return false;
}

static bool drive_letter(struct slice s)
{
    char c = s.n > 1 && s.p[1] == ':' ? (char)(s.p[0] | 0x20) : 0;
    return c >= 'a' && c <= 'z';
}

static enum err check(struct eng_call *c, struct slice t)
{
    unsigned code;
    if (!t.n) return refuse(c, t, "It is empty.");
    if (t.n > TARGET_MAX) return refuse(c, t, "It is over 1,024 bytes long.");
    size_t at = slice_unseen(t, &code);
    if (at < t.n)
        return refuse(c, slice_sub(t, 0, at),
                      code < 0x20 || code == 0x7F || code == 0x2400
                          ? "It holds a control character."
                          : "It holds a character that nobody sees, or that "
                            "turns the direction of text.");
    for (size_t i = 0; i < t.n; i++)
        if (strchr(";|$&><`", t.p[i]))
            return refuse(c, t, "It holds one of ; | $ & > < or a backtick.");
    if (t.p[0] == '/' || t.p[0] == '\\' || drive_letter(t))
        return refuse(c, t, "It is an absolute path.");
    if (slice_find_byte(t, '\\') != t.n)
        return refuse(c, t, "It holds a backslash; separate with /.");
    if (parent_component(t))
        return refuse(c, t, "It holds the path component \"..\".");
    if (encoded_separator(t))
        return refuse(c, t, "It holds a percent-encoded dot or separator.");
    return OK;
}

/* "./src//a.c/" is "src/a.c": no part that is empty or ".". */
static struct slice plain(struct arena *a, struct slice t)
{
    char *out = arena_alloc(a, t.n + 1);
    struct slice part;
    size_t n = 0;
    if (!out) return (struct slice){0};
    while (t.n > 0 && slice_split(&t, '/', &part)) {
        if (part.n == 0 || slice_eq(part, SLICE("."))) continue;
        if (n > 0) out[n++] = '/';
        memcpy(out + n, part.p, part.n);
        n += part.n;
    }
    if (n == 0) out[n++] = '.'; /* the project itself */
    return (struct slice){out, n};
}

enum err eng__target_take(struct eng_call *c, struct slice target,
                          struct slice *ret)
{
    struct slice t = target;
    while (t.n > 0 && t.p[0] == ' ') t = slice_sub(t, 1, t.n);
    while (t.n > 0 && t.p[t.n - 1] == ' ') t.n--;
    enum err e = check(c, t);
    if (e) return e;
    *ret = plain(c->arena, t);
    return ret->p ? OK : eng__problem_nomem(c);
}
