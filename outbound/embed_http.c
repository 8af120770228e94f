#include "outbound/embed_http.h"

#include <curl/curl.h>
#include <math.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json_write.h"

enum { IDLE_MOST = 4, RETRY_AFTER_MOST_S = 86400 };
#define BODY_MOST ((size_t)16 << 20)
#define REQUEST_MOST ((size_t)16 << 20)

struct embed_http {
    struct eng_embedder embedder; /* its ctx is this */
    struct arena arena;           /* texts of the options */
    char *url;
    struct curl_slist *headers;
    size_t body_max;
    struct lock lock;
    CURL *idle[IDLE_MOST]; /* Lock: lock. Their connections may be used again */
    size_t idle_count;
};

/* --- connections ---------------------------------------------------------- */

static CURL *take(struct embed_http *h)
{
    CURL *c = NULL;
    lock_take(&h->lock);
    if (h->idle_count) c = h->idle[--h->idle_count];
    lock_drop(&h->lock);
    return c ? c : curl_easy_init();
}

static void give(struct embed_http *h, CURL *c)
{
    curl_easy_reset(c); /* keeps the connection */
    lock_take(&h->lock);
    bool kept = h->idle_count < IDLE_MOST;
    if (kept) h->idle[h->idle_count++] = c;
    lock_drop(&h->lock);
    if (!kept) curl_easy_cleanup(c);
}

/* --- the request ---------------------------------------------------------- */

static void request_write(const struct embed_http *h, const struct slice *texts,
                          size_t count, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_put_string(&w, "model", h->embedder.model);
    json_key(&w, SLICE("input"));
    json_begin_array(&w);
    for (size_t i = 0; i < count; i++) json_string(&w, texts[i]);
    json_end_array(&w);
    json_put_string(&w, "encoding_format", SLICE("float"));
    json_end_object(&w);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *body)
{
    struct buf *b = body;
    buf_put(b, (struct slice){bytes, size * n});
    return b->err ? 0 : size * n; /* 0: enough of it */
}

static int on_progress(void *ctx, curl_off_t down_all, curl_off_t down,
                       curl_off_t up_all, curl_off_t up)
{
    const struct provider_attempt *at = ctx;
    (void)down_all, (void)down, (void)up_all, (void)up;
    return cancel_check(at->cancel, clock_now()) != OK;
}

static long left_ms(const struct provider_attempt *at)
{
    int64_t ms = (at->deadline - clock_now()) / NS_PER_MS;
    return ms < 1 ? 1 : ms > 3600000 ? 3600000 : (long)ms;
}

static CURLcode send_it(const struct embed_http *h, CURL *c,
                        const struct provider_attempt *at,
                        const struct buf *request, struct buf *body)
{
    CURLcode rc = curl_easy_setopt(c, CURLOPT_URL, h->url);
    if (!rc) rc = curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    if (!rc) rc = curl_easy_setopt(c, CURLOPT_HTTPHEADER, h->headers);
    if (!rc)
        rc = curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE,
                              (curl_off_t)request->n);
    if (!rc) rc = curl_easy_setopt(c, CURLOPT_POSTFIELDS, request->p);
    if (!rc) rc = curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    if (!rc) rc = curl_easy_setopt(c, CURLOPT_WRITEDATA, body);
    if (!rc) rc = curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    if (!rc) rc = curl_easy_setopt(c, CURLOPT_XFERINFODATA, (void *)at);
    if (!rc) rc = curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    if (!rc) rc = curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    if (!rc) rc = curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, left_ms(at));
    return rc ? rc : curl_easy_perform(c);
}

/* --- the answer ----------------------------------------------------------- */

static bool vector_read(const struct json *v, size_t dimension, float *to)
{
    if (!json_is(v, JSON_ARRAY) || v->count != dimension) return false;
    for (size_t i = 0; i < dimension; i++) {
        double x;
        if (!json_double(&v->items[i], &x) || !isfinite((float)x)) return false;
        to[i] = (float)x;
    }
    return true;
}

/* Each text's vector, once; they say themselves whose they are. */
static bool vectors_read(const struct json *data, size_t count, struct arena *a,
                         struct eng_vectors *ret)
{
    if (!json_is(data, JSON_ARRAY) || data->count != count) return false;
    const struct json *first = json_get(&data->items[0], SLICE("embedding"));
    size_t n = json_is(first, JSON_ARRAY) ? first->count : 0;
    float *values = ARENA_ARRAY(a, float, n *count + 1);
    bool *seen = ARENA_ARRAY(a, bool, count);
    if (!n || !values || !seen) return false;
    for (size_t i = 0; i < count; i++) {
        const struct json *item = &data->items[i];
        const struct json *index = json_get(item, SLICE("index"));
        double at = (double)i;
        if (index && !json_double(index, &at)) return false;
        if (!(at >= 0 && at < (double)count) || seen[(size_t)at]) return false;
        seen[(size_t)at] = true;
        if (!vector_read(json_get(item, SLICE("embedding")), n,
                         values + (size_t)at * n))
            return false;
    }
    *ret = (struct eng_vectors){values, n};
    return true;
}

static bool answer_read(struct slice body, size_t count, struct arena *a,
                        struct eng_vectors *ret)
{
    const struct json *v;
    struct json_error je;
    return !json_parse(body, NULL, a, &v, &je) &&
           vectors_read(json_get(v, SLICE("data")), count, a, ret);
}

static int64_t retry_after_ns(CURL *c)
{
    curl_off_t s = 0;
    if (curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &s) || s <= 0) return 0;
    return (s < RETRY_AFTER_MOST_S ? s : RETRY_AFTER_MOST_S) * NS_PER_S;
}

static struct provider_ended by_status(CURL *c)
{
    static const long mend_themselves[] = {429, 500, 502, 503, 504};
    long status = 0;
    (void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    for (size_t i = 0; i < sizeof(mend_themselves) / sizeof(mend_themselves[0]);
         i++)
        if (status == mend_themselves[i])
            return (struct provider_ended){PROVIDER_FAILED, retry_after_ns(c)};
    return (struct provider_ended){status >= 500   ? PROVIDER_BROKEN
                                   : status >= 300 ? PROVIDER_REFUSED
                                   : status >= 200 ? PROVIDER_ANSWERED
                                                   : PROVIDER_MALFORMED,
                                   0};
}

static struct provider_ended judge(CURL *c, CURLcode rc, const struct buf *body)
{
    if (!rc) return by_status(c);
    enum provider_result result =
        rc == CURLE_OPERATION_TIMEDOUT    ? PROVIDER_TIMEOUT
        : rc == CURLE_ABORTED_BY_CALLBACK ? PROVIDER_CANCELLED
        : body->err                       ? PROVIDER_MALFORMED
        : rc == CURLE_WEIRD_SERVER_REPLY  ? PROVIDER_MALFORMED
                                          : PROVIDER_FAILED;
    return (struct provider_ended){result, 0};
}

static struct provider_ended embed(void *ctx, const struct slice *texts,
                                   size_t count,
                                   const struct provider_attempt *at,
                                   struct arena *a, struct eng_vectors *ret)
{
    struct embed_http *h = ctx;
    struct provider_ended ended = {PROVIDER_FAILED, 0};
    struct buf request = BUF_INIT(REQUEST_MOST);
    struct buf body = BUF_INIT(h->body_max);
    CURL *c = take(h);
    request_write(h, texts, count, &request);
    if (!c || request.err) goto out;
    ended = judge(c, send_it(h, c, at, &request, &body), &body);
    if (ended.result == PROVIDER_ANSWERED &&
        !answer_read(buf_slice(&body), count, a, ret))
        ended.result = PROVIDER_MALFORMED;
out:
    if (c) give(h, c);
    buf_done(&request);
    buf_done(&body);
    return ended;
}

/* --- life ----------------------------------------------------------------- */

static bool add_header(struct embed_http *h, const char *line)
{
    struct curl_slist *longer =
        line ? curl_slist_append(h->headers, line) : NULL;
    if (longer) h->headers = longer;
    return longer != NULL;
}

static bool is_visible(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~') return false;
    return s.n > 0;
}

static enum err fill(struct embed_http *h, const struct embed_http_options *o)
{
    struct slice model = arena_copy(&h->arena, o->model);
    h->embedder = (struct eng_embedder){model, o->wait_ns, embed, h};
    h->url = arena_cstr(&h->arena, o->url);
    h->body_max = o->body_max ? o->body_max : BODY_MOST;
    bool whole = model.p && h->url &&
                 add_header(h, "Content-Type: application/json") &&
                 add_header(h, "Accept: application/json") &&
                 add_header(h, "Expect:"); /* no pause before the body */
    if (whole && o->key.n)
        whole =
            add_header(h, arena_printf(&h->arena, "Authorization: Bearer %.*s",
                                       SLICE_ARG(o->key))
                              .p);
    return whole ? OK : ERR_NOMEM;
}

enum err embed_http_new(const struct embed_http_options *o, struct arena *a,
                        struct problem *p, struct embed_http **ret)
{
    bool http = slice_starts(o->url, SLICE("http://")) ||
                slice_starts(o->url, SLICE("https://"));
    if (!http || !is_visible(o->url))
        return problem_setf(p, a, ERR_INVALID,
                            SLICE("It is no http:// or https:// address."),
                            SLICE("Give the whole address, as in "
                                  "http://localhost:8080/v1/embeddings."),
                            "embed.url: \"%.*s\" cannot be asked",
                            SLICE_ARG(slice_sub(o->url, 0, 200)));
    if (o->key.n && !is_visible(o->key))
        return problem_set(p, ERR_INVALID, SLICE("embed.key_file"),
                           SLICE("A key is one line without spaces."),
                           SLICE("Put the key alone into the file."));
    struct embed_http *h = MEM_NEW(struct embed_http);
    if (!h) return ERR_NOMEM;
    arena_init(&h->arena, 1u << 20);
    lock_init(&h->lock, "embed_http", RANK_LEAF);
    enum err e = curl_global_init(CURL_GLOBAL_DEFAULT) ? ERR_NOMEM : fill(h, o);
    if (e)
        embed_http_free(h);
    else
        *ret = h;
    return e;
}

void embed_http_free(struct embed_http *h)
{
    if (!h) return;
    while (h->idle_count) curl_easy_cleanup(h->idle[--h->idle_count]);
    curl_slist_free_all(h->headers);
    lock_done(&h->lock);
    arena_done(&h->arena);
    mem_free(h);
}

const struct eng_embedder *embed_http_embedder(const struct embed_http *h)
{
    return &h->embedder;
}
