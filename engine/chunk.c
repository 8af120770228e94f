#include "engine/chunk.h"

#include <md4c.h>
#include <stdlib.h>

#include "base/buf.h"

enum { BYTES_MOST = 16 << 20, LEVELS = 6, NOWHERE = -1 };

/* md4c tells what stands where only by the texts it hands over, which are
 * pieces of the input. So the reading is by lines: md4c's texts mark the lines
 * where a block begins and those that may not be parted from the line above;
 * the cutting then looks at the marks alone. */
struct heading {
    int64_t line; /* NOWHERE: not known, no text in it */
    unsigned level;
    struct slice text;
};

enum block { BLOCK_TEXT, BLOCK_CODE, BLOCK_TABLE };

struct reader {
    struct slice text;
    struct arena *a;
    size_t from; /* md4c's input begins here: after the front matter */
    bool no_memory;
    /* lines */
    uint32_t *at;    /* offset of each, and of the end */
    uint32_t *chars; /* characters before each */
    uint8_t *begins; /* a block begins here */
    uint8_t *joined; /* not to be parted from the line above */
    size_t lines;
    /* where md4c is */
    unsigned depth;
    enum block block;
    bool fresh;  /* no text of the innermost block was seen */
    size_t rows; /* of code or of a table, before the text */
    int64_t first, last;
    bool fenced;
    bool in_heading;
    struct buf plain; /* the heading's text */
    /* found */
    struct heading *headings;
    size_t count, capacity;
};

/* --- lines ---------------------------------------------------------------- */

static size_t count_lines(struct slice s)
{
    size_t n = 0;
    for (struct slice part; slice_split(&s, '\n', &part);) n++;
    return n;
}

static enum err find_lines(struct reader *r)
{
    r->lines = count_lines(r->text);
    r->at = ARENA_ARRAY(r->a, uint32_t, r->lines + 1);
    r->chars = ARENA_ARRAY(r->a, uint32_t, r->lines + 1);
    r->begins = ARENA_ARRAY(r->a, uint8_t, r->lines + 1);
    r->joined = ARENA_ARRAY(r->a, uint8_t, r->lines + 1);
    if (!r->at || !r->chars || !r->begins || !r->joined) return ERR_NOMEM;
    size_t line = 0, chars = 0;
    for (size_t i = 0; i < r->text.n; i++) {
        if (i == 0 || r->text.p[i - 1] == '\n') {
            r->at[line] = (uint32_t)i;
            r->chars[line++] = (uint32_t)chars;
        }
        chars += ((unsigned char)r->text.p[i] & 0xc0) != 0x80;
    }
    r->at[line] = (uint32_t)r->text.n;
    r->chars[line] = (uint32_t)chars;
    return OK;
}

static size_t line_of(const struct reader *r, size_t offset)
{
    size_t low = 0, high = r->lines;
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (r->at[mid] <= offset)
            low = mid;
        else
            high = mid;
    }
    return low;
}

static struct slice lines(const struct reader *r, size_t from, size_t to)
{
    return slice_sub(r->text, r->at[from], r->at[to] - r->at[from]);
}

static bool is_blank(struct slice s)
{
    return slice_trim(s).n == 0;
}

/* --- front matter ----------------------------------------------------------
 */

/* The lines between "---" and "---" at the very top: markdown would read them
 * as a rule and a heading. 0: there is none. */
static size_t front_matter(struct slice text)
{
    struct slice rest = text, line;
    if (!slice_split(&rest, '\n', &line)) return 0;
    struct slice mark = slice_trim(line);
    if (!slice_eq(mark, SLICE("---"))) return 0;
    for (size_t n = 0; n < 200 && slice_split(&rest, '\n', &line); n++)
        if (slice_eq(slice_trim(line), SLICE("---")))
            return (size_t)(rest.p ? rest.p - text.p : (ptrdiff_t)text.n);
    return 0;
}

static struct slice unquoted(struct slice s)
{
    s = slice_trim(s);
    if (s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0])
        s = slice_sub(s, 1, s.n - 2);
    return s;
}

static struct slice front_title(struct slice front)
{
    for (struct slice line; slice_split(&front, '\n', &line);) {
        size_t colon = slice_find_byte(line, ':');
        if (slice_eq_nocase(slice_sub(line, 0, colon), SLICE("title")))
            return unquoted(slice_sub(line, colon + 1, line.n));
    }
    return (struct slice){0};
}

/* --- md4c's events ----------------------------------------------------------
 */

static void mark_joined(struct reader *r, int64_t first, int64_t last)
{
    if (last >= (int64_t)r->lines) last = (int64_t)r->lines - 1;
    for (int64_t i = first + 1; i <= last; i++) r->joined[i] = 1;
}

/* The line where the innermost block begins, from that of its first text. */
static int64_t begin_of(const struct reader *r, int64_t line)
{
    int64_t back = 0;
    if (r->block == BLOCK_CODE) back = (int64_t)r->rows + r->fenced;
    /* Before a row of the body stand the heading row and the rule. */
    if (r->block == BLOCK_TABLE && r->rows > 1) back = (int64_t)r->rows;
    return line > back ? line - back : 0;
}

static void saw(struct reader *r, const char *text)
{
    /* Some texts are md4c's own: spaces, line ends, a replaced NUL. */
    if (text < r->text.p || text >= r->text.p + r->text.n) return;
    int64_t line = (int64_t)line_of(r, (size_t)(text - r->text.p));
    if (r->fresh) {
        r->first = begin_of(r, line);
        r->begins[r->first] = 1;
        r->fresh = false;
    }
    r->last = line;
}

static bool closes_fence(const struct reader *r, int64_t line)
{
    struct slice s = slice_trim(lines(r, (size_t)line, (size_t)line + 1));
    return s.n >= 3 && (s.p[s.n - 1] == '`' || s.p[s.n - 1] == '~');
}

static void end_rows(struct reader *r)
{
    if (!r->fresh) {
        int64_t end = r->last;
        if (r->block == BLOCK_CODE) {
            end = r->first + r->fenced + (int64_t)r->rows;
            if (!r->fenced || end >= (int64_t)r->lines || !closes_fence(r, end))
                end--;
        }
        mark_joined(r, r->first, end);
    }
    r->block = BLOCK_TEXT;
    r->fresh = true;
}

static int enter_block(MD_BLOCKTYPE type, void *detail, void *ctx)
{
    struct reader *r = ctx;
    r->depth++;
    if (type == MD_BLOCK_TR) r->rows++;
    if (r->block == BLOCK_TABLE) return 0;
    r->fresh = true;
    r->rows = 0;
    if (type == MD_BLOCK_CODE) {
        r->block = BLOCK_CODE;
        r->fenced = ((const MD_BLOCK_CODE_DETAIL *)detail)->fence_char != 0;
    } else if (type == MD_BLOCK_TABLE) {
        r->block = BLOCK_TABLE;
    } else if (type == MD_BLOCK_H && r->depth == 2) {
        r->in_heading = true;
        buf_clear(&r->plain);
    }
    return 0;
}

static enum err add_heading(struct reader *r, unsigned level)
{
    if (r->count == r->capacity) {
        size_t capacity = r->capacity ? 2 * r->capacity : 32;
        struct heading *grown = ARENA_ARRAY(r->a, struct heading, capacity);
        if (!grown) return ERR_NOMEM;
        if (r->count) memcpy(grown, r->headings, r->count * sizeof(*grown));
        r->headings = grown;
        r->capacity = capacity;
    }
    struct slice text = arena_copy(r->a, slice_trim(buf_slice(&r->plain)));
    if (!text.p || r->plain.err == ERR_NOMEM) return ERR_NOMEM;
    r->headings[r->count++] = (struct heading){r->first, level, text};
    return OK;
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *ctx)
{
    struct reader *r = ctx;
    if (type == MD_BLOCK_H && r->depth == 2) {
        r->in_heading = false;
        unsigned level = ((const MD_BLOCK_H_DETAIL *)detail)->level;
        if (!r->fresh && add_heading(r, level)) r->no_memory = true;
    }
    if (type == MD_BLOCK_CODE || type == MD_BLOCK_TABLE) end_rows(r);
    r->depth--;
    return r->no_memory;
}

static int ignore_span(MD_SPANTYPE type, void *detail, void *ctx)
{
    (void)type, (void)detail, (void)ctx;
    return 0;
}

static int read_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE n,
                     void *ctx)
{
    struct reader *r = ctx;
    if (n) saw(r, text);
    if (r->block == BLOCK_CODE) r->rows += n == 1 && *text == '\n';
    if (!r->in_heading) return 0;
    if (type == MD_TEXT_BR || type == MD_TEXT_SOFTBR)
        buf_putc(&r->plain, ' ');
    else if (type != MD_TEXT_NULLCHAR)
        buf_put(&r->plain, (struct slice){text, n});
    return 0;
}

static enum err read_blocks(struct reader *r)
{
    const MD_PARSER parser = {
        .flags = MD_FLAG_TABLES,
        .enter_block = enter_block,
        .leave_block = leave_block,
        .enter_span = ignore_span,
        .leave_span = ignore_span,
        .text = read_text,
    };
    r->plain = BUF_INIT(4096); /* what is longer is no name of a section */
    int rc = md_parse(r->text.p + r->from, (MD_SIZE)(r->text.n - r->from),
                      &parser, r);
    buf_done(&r->plain);
    return rc ? ERR_NOMEM : OK;
}

/* --- cutting ----------------------------------------------------------------
 */

struct cutter {
    const struct reader *r;
    struct chunk_list *list;
    size_t capacity;
    struct chunk now; /* headings of the section that is cut */
};

uint32_t chunk_tokens(struct slice text)
{
    return (uint32_t)((slice_utf8_length(text) + 3) / 4);
}

static uint32_t tokens(const struct reader *r, size_t from, size_t to)
{
    return (r->chars[to] - r->chars[from] + 3) / 4;
}

static enum err add(struct cutter *c, struct slice text, size_t line,
                    uint32_t n)
{
    struct chunk_list *list = c->list;
    if (list->count == c->capacity) {
        size_t capacity = c->capacity ? 2 * c->capacity : 64;
        struct chunk *grown = ARENA_ARRAY(c->r->a, struct chunk, capacity);
        if (!grown) return ERR_NOMEM;
        if (list->count)
            memcpy(grown, list->items, list->count * sizeof(*grown));
        list->items = grown;
        c->capacity = capacity;
    }
    struct chunk *chunk = &list->items[list->count++];
    *chunk = c->now;
    chunk->text = text;
    chunk->line = (uint32_t)line + 1;
    chunk->tokens = n;
    return OK;
}

static enum err add_lines(struct cutter *c, size_t from, size_t to)
{
    if (from == to) return OK;
    return add(c, lines(c->r, from, to), from, tokens(c->r, from, to));
}

/* As much as fits, to the last white space in its second half, if any. */
static size_t fitting(struct slice s)
{
    size_t i = 0, chars = 0, space = 0;
    for (; i < s.n; i++) {
        chars += ((unsigned char)s.p[i] & 0xc0) != 0x80;
        if (chars > CHUNK_TOKENS * 4) break;
        if (s.p[i] == ' ' && chars > CHUNK_TOKENS * 2) space = i + 1;
    }
    return i == s.n || !space ? i : space;
}

static enum err add_long_line(struct cutter *c, size_t line)
{
    struct slice s = lines(c->r, line, line + 1);
    enum err e = OK;
    while (s.n && !e) {
        size_t n = fitting(s);
        e = add(c, slice_sub(s, 0, n), line, chunk_tokens(slice_sub(s, 0, n)));
        s = slice_sub(s, n, s.n);
    }
    return e;
}

static bool fits(const struct cutter *c, size_t from, size_t to)
{
    return tokens(c->r, from, to) <= CHUNK_TOKENS;
}

/* A block that is too large: as many lines at a time as fit. */
static enum err cut_lines(struct cutter *c, size_t from, size_t to)
{
    enum err e = OK;
    while (from < to && !e) {
        size_t end = from + 1;
        while (end < to && fits(c, from, end + 1)) end++;
        e = fits(c, from, end) ? add_lines(c, from, end)
                               : add_long_line(c, from);
        from = end;
    }
    return e;
}

static bool may_cut(const struct reader *r, size_t line)
{
    return r->begins[line] && !r->joined[line];
}

static enum err cut_blocks(struct cutter *c, size_t from, size_t to)
{
    size_t begin = from;
    enum err e = OK;
    while (from < to && !e) {
        size_t end = from + 1;
        while (end < to && !may_cut(c->r, end)) end++;
        if (!fits(c, begin, end)) {
            e = add_lines(c, begin, from);
            begin = from;
            if (!e && !fits(c, from, end)) {
                e = cut_lines(c, from, end);
                begin = end;
            }
        }
        from = end;
    }
    return e ? e : add_lines(c, begin, to);
}

static enum err cut_section(struct cutter *c, size_t from, size_t to)
{
    if (fits(c, from, to)) return add_lines(c, from, to);
    return cut_blocks(c, from, to);
}

/* --- sections ---------------------------------------------------------------
 */

static int64_t phase_in(struct slice heading)
{
    static const struct slice word = SLICE_INIT("phase ");
    for (size_t i = 0; i + word.n < heading.n; i++) {
        if (!slice_eq_nocase(slice_sub(heading, i, word.n), word)) continue;
        struct slice digits = slice_sub(heading, i + word.n, 6);
        size_t n = 0;
        while (n < digits.n && digits.p[n] >= '0' && digits.p[n] <= '9') n++;
        int64_t phase;
        if (slice_int64(slice_sub(digits, 0, n), &phase)) return phase;
    }
    return CHUNK_NO_PHASE;
}

static enum err name_section(struct cutter *c, struct slice *const path)
{
    struct buf way = BUF_INIT(LEVELS * 4200);
    c->now.section = (struct slice){0};
    c->now.phase = CHUNK_NO_PHASE;
    for (unsigned i = 0; i < LEVELS; i++) {
        if (!path[i].n) continue;
        if (way.n) buf_puts(&way, " > ");
        buf_put(&way, path[i]);
        c->now.section = path[i];
        int64_t phase = phase_in(path[i]);
        if (phase != CHUNK_NO_PHASE) c->now.phase = phase;
    }
    c->now.headings = arena_copy(c->r->a, buf_slice(&way));
    enum err e = way.err || !c->now.headings.p ? ERR_NOMEM : OK;
    buf_done(&way);
    return e;
}

/* Below a heading that is written so, this is no text of its section. */
static bool is_underline(struct slice line)
{
    line = slice_trim(line);
    size_t n = 0;
    while (n < line.n && (line.p[n] == '=' || line.p[n] == '-')) n++;
    return n > 0 && n == line.n;
}

/* Is the heading all there is, down to the next one that is below it? */
static bool goes_on(const struct reader *r, size_t i)
{
    if (i + 1 == r->count || r->headings[i + 1].level <= r->headings[i].level)
        return false;
    size_t line = (size_t)r->headings[i].line + 1;
    size_t next = (size_t)r->headings[i + 1].line;
    if (line < next && is_underline(lines(r, line, line + 1))) line++;
    return line >= next || is_blank(lines(r, line, next));
}

static enum err cut_sections(struct cutter *c)
{
    const struct reader *r = c->r;
    struct slice path[LEVELS] = {{0}};
    size_t begin = 0;
    size_t first = r->count ? (size_t)r->headings[0].line : r->lines;
    enum err e = name_section(c, path);
    if (!e && !is_blank(lines(r, 0, first))) {
        e = cut_section(c, 0, first);
        begin = first;
    }
    for (size_t i = 0; i < r->count && !e; i++) {
        const struct heading *h = &r->headings[i];
        path[h->level - 1] = h->text;
        for (unsigned k = h->level; k < LEVELS; k++)
            path[k] = (struct slice){0};
        if (goes_on(r, i)) continue;
        size_t end =
            i + 1 < r->count ? (size_t)r->headings[i + 1].line : r->lines;
        e = name_section(c, path);
        if (!e) e = cut_section(c, begin, end);
        begin = end;
    }
    return e;
}

/* --- what is said about the whole -------------------------------------------
 */

static struct slice find_title(const struct reader *r)
{
    struct slice title = front_title(slice_sub(r->text, 0, r->from));
    for (size_t i = 0; i < r->count && !title.n; i++)
        if (r->headings[i].level == 1) title = r->headings[i].text;
    return !title.n && r->count ? r->headings[0].text : title;
}

/* Without what makes a word bold, an item or a quotation. */
static struct slice undecorated(struct slice s)
{
    while (s.n && memchr("*_-> \t", *s.p, 6)) s = slice_sub(s, 1, s.n);
    return slice_trim(s);
}

/* The part after the colon of "tags: a, b" or "**Keywords for search**: a". */
static struct slice keywords_in(struct slice line)
{
    line = undecorated(line);
    static const struct slice names[] = {SLICE_INIT("keywords"),
                                         SLICE_INIT("tags")};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!slice_eq_nocase(slice_sub(line, 0, names[i].n), names[i]))
            continue;
        size_t colon = slice_find_byte(line, ':');
        if (colon < names[i].n + 20)
            return undecorated(slice_sub(line, colon + 1, line.n));
    }
    return (struct slice){0};
}

static enum err find_keywords(const struct reader *r, struct slice *ret)
{
    struct buf all = BUF_INIT(8192);
    for (size_t i = 0; i < r->lines; i++) {
        struct slice words = keywords_in(lines(r, i, i + 1));
        if (!words.n || words.n > 4096 - 2 || all.n > 4096) continue;
        if (all.n) buf_puts(&all, ", ");
        buf_put(&all, words);
    }
    *ret = arena_copy(r->a, buf_slice(&all));
    buf_done(&all);
    return ret->p ? OK : ERR_NOMEM;
}

static int by_line(const void *a, const void *b)
{
    int64_t x = ((const struct heading *)a)->line;
    int64_t y = ((const struct heading *)b)->line;
    return (x > y) - (x < y);
}

enum err chunk_markdown(struct slice text, struct arena *a,
                        struct chunk_list *ret)
{
    if (text.n > BYTES_MOST) return ERR_TOO_LARGE;
    struct reader r = {.text = text, .a = a, .from = front_matter(text)};
    struct chunk_list list = {0};
    struct cutter c = {.r = &r, .list = &list};
    if (is_blank(text)) {
        *ret = list;
        return OK;
    }
    enum err e = find_lines(&r);
    if (!e) e = read_blocks(&r);
    if (e) return e;
    if (r.count) qsort(r.headings, r.count, sizeof(*r.headings), by_line);
    list.title = find_title(&r);
    e = find_keywords(&r, &list.keywords);
    if (!e) e = cut_sections(&c);
    if (!e) *ret = list;
    return e;
}
