#include "engine/target.h"

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

enum err eng__target_check(struct eng_call *c, struct slice t)
{
    if (!slice_trim(t).n) return refuse(c, t, "It is empty.");
    if (t.n > TARGET_MAX) return refuse(c, t, "It is over 1,024 bytes long.");
    for (size_t i = 0; i < t.n; i++) {
        unsigned char b = (unsigned char)t.p[i];
        if (b < 0x20 || b == 0x7f)
            return refuse(c, t, "It holds a control character.");
        if (strchr(";|$&><`", b))
            return refuse(c, t, "It holds one of ; | $ & > < or a backtick.");
    }
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
