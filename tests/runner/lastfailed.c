/* --lf: the ids that failed, one in a line, in a file beside the binary (or
 * the one PHASEGATE_TEST_CACHE names). A test leaves the list by running
 * without a failure. */
#include "tests/runner/runner.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *list_path(void)
{
    char self[PATH_MAX];
    const char *given = getenv("PHASEGATE_TEST_CACHE");
    if (given && *given) return text_new("%s", given);
    ssize_t n = readlink("/proc/self/exe", self, sizeof self);
    return n < 0 ? NULL : text_new("%.*s.lastfailed", (int)n, self);
}

struct names {
    char **all;
    size_t count;
};

static struct names list_read(void)
{
    struct names l = {0};
    char *path = list_path(), *line = NULL;
    FILE *f = path ? fopen(path, "re") : NULL;
    size_t cap = 0;
    while (f && getline(&line, &cap, f) > 0) {
        line[strcspn(line, "\n")] = 0;
        l.all = must(realloc(l.all, (l.count + 1) * sizeof *l.all));
        l.all[l.count++] = text_new("%s", line);
    }
    if (f) fclose(f);
    free(line);
    free(path);
    return l;
}

static void list_free(struct names *l)
{
    for (size_t i = 0; i < l->count; i++) free(l->all[i]);
    free(l->all);
}

static bool list_has(const struct names *l, const char *id)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->all[i], id) == 0) return true;
    return false;
}

void last_failed_select(struct plan *p)
{
    struct names l = list_read();
    size_t keep = 0;
    for (size_t i = 0; i < p->count; i++) keep += list_has(&l, p->items[i].id);
    size_t n = 0;
    for (size_t i = 0; keep && i < p->count; i++) {
        if (list_has(&l, p->items[i].id))
            p->items[n++] = p->items[i];
        else
            free(p->items[i].id);
    }
    if (keep) {
        p->deselected += p->count - n;
        p->count = n;
    }
    list_free(&l);
}

static const struct item *item_of(const struct plan *p, const char *id)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->items[i].id, id) == 0) return &p->items[i];
    return NULL;
}

void last_failed_store(const struct plan *p)
{
    struct names old = list_read();
    char *path = list_path(), *part = NULL;
    if (path) part = text_new("%s.%d", path, (int)getpid());
    FILE *f = part ? fopen(part, "we") : NULL;
    for (size_t i = 0; f && i < old.count; i++) {
        const struct item *it = item_of(p, old.all[i]);
        if (!it || it->outcome == OUTCOME_NONE) fprintf(f, "%s\n", old.all[i]);
    }
    for (size_t i = 0; f && i < p->count; i++)
        if (p->items[i].outcome == OUTCOME_FAILED)
            fprintf(f, "%s\n", p->items[i].id);
    if (f && (fclose(f) || rename(part, path)))
        fprintf(stderr, "warning: cannot keep %s: %s\n", path, strerror(errno));
    free(part);
    free(path);
    list_free(&old);
}
