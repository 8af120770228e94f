/* The page itself: one document, embedded, with a policy that lets its own
 * script and style run and nothing else. */
#include <stdio.h>

#include "base/base64.h"
#include "base/sha256.h"
#include "cli/dashboard.h"

/* From dashboard/, by cmake/page.cmake. */
extern const unsigned char cli_page_bytes[];
extern const size_t cli_page_size;

/* The hash of what stands between the two, as CSP spells it. */
static void put_hash(struct buf *b, struct slice text, const char *open,
                     const char *close)
{
    uint8_t hash[SHA256_SIZE];
    size_t from = slice_find(text, slice_of(open)) + slice_of(open).n;
    struct slice rest = slice_sub(text, from, text.n);
    sha256_of(slice_sub(rest, 0, slice_find(rest, slice_of(close))), hash);
    buf_puts(b, "'sha256-");
    base64_put(b, (struct slice){(const char *)hash, sizeof(hash)},
               BASE64_PLAIN);
    buf_puts(b, "'; ");
}

void cli_dashboard_page_init(struct cli_dashboard_page *p)
{
    uint8_t hash[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    struct buf b = BUF_INIT(sizeof(p->policy) - 1);
    p->text = (struct slice){(const char *)cli_page_bytes, cli_page_size};
    buf_puts(&b, "default-src 'none'; script-src ");
    put_hash(&b, p->text, "<script type=\"module\">", "</script>");
    buf_puts(&b, "style-src ");
    put_hash(&b, p->text, "<style>", "</style>");
    buf_puts(&b, "connect-src 'self'; img-src data:; base-uri 'none'; "
                 "form-action 'none'; frame-ancestors 'none'; "
                 "require-trusted-types-for 'script'; trusted-types 'none'");
    (void)snprintf(p->policy, sizeof(p->policy), "%.*s",
                   SLICE_ARG(buf_slice(&b)));
    buf_done(&b);
    sha256_of(p->text, hash);
    (void)snprintf(p->tag, sizeof(p->tag), "\"%.*s\"",
                   SLICE_ARG(sha256_hex(hash, hex)));
}

enum err cli_dashboard_page_serve(const struct cli_dashboard_page *p,
                                  struct tp_page *page)
{
    page->headers[0].name = "Content-Security-Policy";
    page->headers[0].value = p->policy;
    page->headers[1].name = "Cache-Control";
    page->headers[1].value = "no-cache";
    page->headers[2].name = "ETag";
    page->headers[2].value = p->tag;
    page->headers[3].name = "Cross-Origin-Opener-Policy";
    page->headers[3].value = "same-origin";
    page->content_type = "text/html; charset=utf-8";
    if (slice_eq(page->known, slice_of(p->tag)))
        page->status = 304;
    else
        buf_put(&page->body, p->text);
    return OK;
}
