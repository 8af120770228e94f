/*
 * phasegate-mcp: MCP servers in C, of every revision, on stdio and HTTP.
 *
 *   static enum mcp_err echo(struct mcp_call *call, const void *args) {...}
 *   static const struct mcp_tool tools[] = {{"echo", ..., .call = echo}, {0}};
 *
 *   int main(int argc, char **argv)
 *   {
 *       struct mcp_server_config c = {
 *           .name = "echo", .version = "1.0.0", .tools = MCP_TABLE(tools)};
 *       return mcp_main(&c, argc, argv);
 *   }
 *
 *   cc echo.c $(pkg-config --cflags --libs phasegate-mcp)
 *
 * A server is rows of tools, resources and prompts. A handler gets its
 * arguments parsed and checked into the struct its row describes, and says
 * what it has to say with the functions below; the library speaks the
 * language of the revision its client speaks. A handler returns
 *
 *   MCP_OK           the answer is complete
 *   MCP_ERR_WAITING  what mcp_ask, mcp_pause or mcp_task_begin said: the
 *                    handler runs again, from its top, when it can go on
 *   MCP_ERR_AGAIN    only when mcp_on_loop(): run me on a worker
 *   MCP_ERR_PENDING  mcp_call_done() follows exactly once, on any thread
 *   another          an error, told with the texts of mcp_refuse()
 *
 * Rows, their texts and tables must live as long as the server. What a handler
 * gets or makes with a call's functions lives as long as the call and is
 * never freed by hand. A function of a call is for the thread that runs its
 * handler; the others say so when any thread may call them.
 *
 * While the version is 0.x a new one may add to the structs: compile again.
 */
#ifndef PHASEGATE_MCP_H
#define PHASEGATE_MCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define MCP_MUST_USE __attribute__((warn_unused_result))
#define MCP_PRINTF(format_, first_)                                            \
    __attribute__((format(printf, format_, first_)))

struct mcp_call;   /* a request on its way */
struct mcp_server; /* the rows, and everybody who uses them */
struct mcp_list;   /* a list being written */
struct mcp_gate;
struct pool;

/* --- texts, errors, JSON --------------------------------------------------- */

/* The library's own sources have these under other names. */
#ifndef PHASEGATE_MCP_INSIDE

/* Bytes that somebody else owns, not NUL-terminated. {NULL, 0}: absent. */
struct mcp_text {
    const char *p;
    size_t n;
};
#ifdef __cplusplus
#define MCP_STR(literal_) (mcp_text{("" literal_), sizeof(literal_) - 1})
#else
#define MCP_STR(literal_) ((struct mcp_text){("" literal_), sizeof(literal_) - 1})
#endif
/* printf("%.*s", MCP_STR_ARG(text)) */
#define MCP_STR_ARG(text_) (int)((text_).n), ((text_).p ? (text_).p : "")
static inline struct mcp_text mcp_str(const char *c_string)
{
    struct mcp_text t = {c_string, c_string ? strlen(c_string) : 0};
    return t;
}

enum mcp_err {
    MCP_OK = 0,
    MCP_ERR_NOMEM = 1,
    MCP_ERR_INTERNAL = 2,
    MCP_ERR_IO = 3,
    MCP_ERR_INVALID = 5,
    MCP_ERR_TOO_LARGE = 6,
    MCP_ERR_NOT_FOUND = 7,
    MCP_ERR_CONFLICT = 9,
    MCP_ERR_CANCELLED = 10,
    MCP_ERR_DEADLINE = 11,
    MCP_ERR_OVER_CAPACITY = 12,
    MCP_ERR_UNAVAILABLE = 14,
    MCP_ERR_AGAIN = 18,
    MCP_ERR_PENDING = 19,
    MCP_ERR_WAITING = 20
};

struct mcp_json; /* a JSON value that was read */

#endif

enum mcp_json_kind {
    MCP_JSON_NULL,
    MCP_JSON_FALSE,
    MCP_JSON_TRUE,
    MCP_JSON_NUMBER,
    MCP_JSON_STRING,
    MCP_JSON_ARRAY,
    MCP_JSON_OBJECT
};

/* NULL is a value that is not there: its kind is NULL, it has no members. */
enum mcp_json_kind mcp_json_kind(const struct mcp_json *v);
const struct mcp_json *mcp_json_get(const struct mcp_json *v, const char *key);
/* Items of an array; an object's are its values. */
size_t mcp_json_count(const struct mcp_json *v);
const struct mcp_json *mcp_json_item(const struct mcp_json *v, size_t i);
/* A string's text, decoded; the empty text of anything else. */
struct mcp_text mcp_json_text(const struct mcp_json *v);
/* The value as it was written, of any kind. */
struct mcp_text mcp_json_raw(const struct mcp_json *v);
/* False: not a number, or not an integer that fits. */
bool mcp_json_int(const struct mcp_json *v, int64_t *ret);
bool mcp_json_number(const struct mcp_json *v, double *ret);

/* --- arguments ------------------------------------------------------------- */

/* What a row of arguments becomes in the handler's struct. */
enum mcp_field_type {
    MCP_FIELD_STRING = 1, /* struct mcp_text; absent {NULL, 0} */
    MCP_FIELD_INTEGER,    /* int64_t; absent: the default */
    MCP_FIELD_NUMBER,     /* double; absent: the default */
    MCP_FIELD_BOOLEAN,    /* bool; absent: the default */
    MCP_FIELD_OBJECT,     /* const struct mcp_json *; absent NULL */
    MCP_FIELD_STRINGS,    /* struct mcp_strings; absent {NULL, 0} */
    MCP_FIELD_FLAGS,      /* unsigned: bit i set when choices[i] is listed */
    MCP_FIELD_TYPE_COUNT
};

struct mcp_strings {
    const struct mcp_text *items;
    size_t count;
};

/* One argument: how it is announced (inputSchema), checked and stored.
 *   {"times", MCP_FIELD_INTEGER, offsetof(struct args, times),
 *    .description = "How often.", .min = 1, .max = 9, .def = 1} */
struct mcp_field {
    const char *name;
    enum mcp_field_type type;
    size_t offset;
    bool required;
    const char *description;    /* short */
    int64_t min, max;           /* INTEGER: value, at least 0 unless min says
                                   otherwise; STRING: code points; STRINGS,
                                   FLAGS: items. max 0: no upper bound */
    int64_t def;                /* default of INTEGER and BOOLEAN */
    bool has_default;           /* print it */
    const char *const *choices; /* NULL-ended; STRING, FLAGS */
    const char *example;        /* JSON text for the mend */
    const char *header;         /* x-mcp-header: the Mcp-Param-* header that
                                   repeats a STRING, INTEGER or BOOLEAN */
    enum mcp_err wrong;         /* of a wrong type or choice; 0: a plain one */
    enum mcp_err nul;           /* of a text with a NUL; 0: a plain one */
};

/* --- tools ----------------------------------------------------------------- */

/* Where a handler runs. INLINE: on the event loop; it must not block, it is
 * done in microseconds. WORKER: it may block. TRY_INLINE: on the loop first,
 * on a worker when it says MCP_ERR_AGAIN. */
enum mcp_run { MCP_RUN_INLINE, MCP_RUN_TRY_INLINE, MCP_RUN_WORKER };

enum mcp_tool_hint {
    MCP_READ_ONLY = 1,
    MCP_DESTRUCTIVE = 2,
    MCP_IDEMPOTENT = 4,
    MCP_OPEN_WORLD = 8
};

/* Whether a call may go on as a task (2026-07-28, extension tasks): see
 * mcp_task_begin. ALWAYS: a client without the extension is refused. */
enum mcp_task_mode { MCP_TASK_NEVER, MCP_TASK_MAY, MCP_TASK_ALWAYS };

struct problem;
struct buf;
struct mcp_tool {
    const char *name, *title, *description;
    unsigned hints; /* enum mcp_tool_hint */
    enum mcp_run run;
    size_t args_size;             /* sizeof the struct the rows fill */
    const struct mcp_field *args; /* rows, ended by {0}; NULL: none */
    const char *output_schema;    /* JSON text; NULL: none */
    enum mcp_err (*call)(struct mcp_call *call, const void *args);
    enum mcp_task_mode task;
    /* JSON text, told as it is instead of the rows' schema. The handler gets
     * the arguments as they came (const struct mcp_json *, an object or NULL)
     * and checks them itself. NULL: the rows. */
    const char *input_schema;
    int group; /* 0; phasegate's own */
    /* NULL; phasegate's own: tells an error in a shape of the tool's. `args`
     * as `call` gets them, or as far as they could be read. */
    void (*tell)(const void *args, const struct problem *p, struct buf *out);
};

/* --- resources ------------------------------------------------------------- */

/* The values of a template's variables, percent-decoded, in their order. */
struct mcp_uri {
    struct mcp_text uri;
    const struct mcp_text *values;
    size_t count;
};

/* What a list tells of a resource, a template or a prompt. */
struct mcp_item {
    struct mcp_text uri, name, title, description, mime_type;
    int64_t size; /* < 0: not known */
};
/* Adds one entry; texts must live as long as the call. */
void mcp_list_add(struct mcp_list *list, const struct mcp_item *item);

/* A resource, or with {name} (one path segment) or {+name} (any rest) in its
 * uri a template of many. `list` of a template adds those that exist. */
struct mcp_resource {
    const char *uri, *name, *title, *description, *mime_type;
    enum mcp_run run;
    /* mcp_add_contents; MCP_ERR_NOT_FOUND: there is no such resource. */
    enum mcp_err (*read)(struct mcp_call *call, const struct mcp_uri *uri);
    enum mcp_err (*list)(struct mcp_call *call, struct mcp_list *list);
};

/* --- prompts and completion ------------------------------------------------ */

struct mcp_prompt_arg {
    const char *name, *description;
    bool required;
};

/* What a client gave, in the order of the row's arguments; absent {NULL,0}. */
struct mcp_prompt_call {
    struct mcp_text name;
    const struct mcp_text *values;
};

/* A row without a name is a family: its `list` names the members, its `get`
 * is asked for every name no other row has (MCP_ERR_NOT_FOUND: nor has it). */
struct mcp_prompt {
    const char *name, *title, *description;
    const struct mcp_prompt_arg *args; /* ended by {0}; NULL: none */
    enum mcp_run run;
    /* mcp_add_message */
    enum mcp_err (*get)(struct mcp_call *call, const struct mcp_prompt_call *p);
    enum mcp_err (*list)(struct mcp_call *call, struct mcp_list *list);
};

struct mcp_completion {
    bool prompt;            /* ref/prompt; else ref/resource */
    struct mcp_text ref;    /* prompt name or uri template */
    struct mcp_text name;   /* of the argument or variable */
    struct mcp_text value;  /* what stands there already */
    const struct mcp_json *context; /* arguments chosen before, or NULL */
};

/* --- the server ------------------------------------------------------------ */

/* What a server does beyond its rows; each is declared to clients. */
enum mcp_tells {
    MCP_LOGS = 1,         /* handlers call mcp_log */
    MCP_LIST_CHANGES = 2, /* mcp_changed is called */
    MCP_UPDATES = 4       /* mcp_updated is called */
};

/* When a client of a revision before 2026-07-28 gets an Mcp-Session-Id over
 * HTTP: never; when it declares something the server may ask it for; always. */
enum mcp_sessions {
    MCP_SESSIONS_NEVER,
    MCP_SESSIONS_NEEDED,
    MCP_SESSIONS_ALWAYS
};

/* How long a call of a tool may take, in ms. */
struct mcp_limits {
    int64_t call_ms; /* from arrival to answer */
    int64_t run_ms;  /* its work, from when it may; 0: as the call */
    int64_t told_ms; /* instead of both, of a client that asked for progress
                        and so is told that work goes on; 0: as others */
};

struct mcp_server_config {
    const char *name, *title, *version, *website_url;
    const char *instructions;            /* < 2,048 bytes */
    /* Of two tools with one name the first counts. */
    const struct mcp_tool *const *tools; /* NULL-ended list of row tables, each
                                            ended by a row without a name:
                                            MCP_TABLE(rows) for one table */
    void *app;                           /* what mcp_app(call) gives */
    struct pool *pool;                   /* NULL; phasegate's own */
    int64_t call_timeout_ms;             /* 0: 60,000 */
    const struct mcp_resource *resources; /* ended by a row without a uri */
    const struct mcp_prompt *prompts;     /* ended by a row without get */
    /* mcp_add_value; NULL: no completion. Runs on a worker. */
    enum mcp_err (*complete)(struct mcp_call *call,
                             const struct mcp_completion *c);
    unsigned tells; /* enum mcp_tells */
    enum mcp_sessions sessions;
    /* In a session every answer is a stream, so that a client that loses its
     * connection can fetch the answer again. */
    bool answers_resume;
    size_t page_max;        /* entries of a page of a list; 0: 1,000 */
    int64_t ask_timeout_ms; /* for a client's user to answer; 0: 600,000 */
    int64_t task_ttl_ms;    /* a task is kept so long; 0: 3,600,000 */
    int64_t session_idle_ms; /* an unused one is kept so long; 0: 3,600,000 */
    size_t sessions_max;     /* the next is refused; 0: 10,000 */
    size_t arguments_max;    /* of one call, bytes of JSON; 0: 12 MiB */
    /* Of each call once its arguments are read. NULL: call_timeout_ms for
     * all. At its limit a call is answered, whatever its handler does. Thread:
     * the call's loop; never blocks */
    void (*limits)(void *app, const struct mcp_tool *tool, const void *args,
                   struct mcp_limits *ret);
    int64_t queue_timeout_ms; /* longest wait for a worker; 0: no limit */
    int64_t progress_ms; /* between notices of a call that is silent, to a
                            client that asked for progress; 0: none */
    const struct mcp_gate *gate; /* NULL; phasegate's own */
    void *gate_ctx;
};
#ifndef __cplusplus /* there the list is a constant of its own */
#define MCP_TABLE(rows_) ((const struct mcp_tool *const[]){(rows_), NULL})
#endif

/* Tells everybody who asked for it. Thread: any */
enum mcp_change { MCP_TOOLS_CHANGED, MCP_PROMPTS_CHANGED, MCP_RESOURCES_CHANGED };
void mcp_changed(struct mcp_server *s, enum mcp_change what);
void mcp_updated(struct mcp_server *s, struct mcp_text uri);

/* --- a call: what it is ------------------------------------------------------ */

void *mcp_app(const struct mcp_call *call);
struct mcp_server *mcp_server_of(const struct mcp_call *call);
/* Pauses that have ended, so 0 when the handler runs for the first time. */
unsigned mcp_step(const struct mcp_call *call);
/* The client has left, cancelled, or its time is up: return
 * MCP_ERR_CANCELLED. Look every 50 ms. Thread: any while the call lives */
bool mcp_cancelled(const struct mcp_call *call);
bool mcp_on_loop(const struct mcp_call *call);

/* Memory of the call; NULL, or the absent text: there is none left. */
void *mcp_alloc(struct mcp_call *call, size_t n);
struct mcp_text mcp_copy(struct mcp_call *call, struct mcp_text text);
struct mcp_text mcp_printf(struct mcp_call *call, const char *format, ...)
    MCP_PRINTF(2, 3);
/* The text as a JSON string, with its quotes: for JSON made by mcp_printf. */
struct mcp_text mcp_quote(struct mcp_call *call, struct mcp_text text);

/* --- a call: its answer ------------------------------------------------------ */

enum mcp_content_kind {
    MCP_TEXT,
    MCP_IMAGE,
    MCP_AUDIO,
    MCP_LINK,    /* uri and name of a resource */
    MCP_EMBEDDED /* a resource, whole */
};
enum mcp_audience { MCP_FOR_USER = 1, MCP_FOR_ASSISTANT = 2 };

/* What a revision does not know is told as text. */
struct mcp_content {
    enum mcp_content_kind kind;
    struct mcp_text text;  /* TEXT; EMBEDDED that is text */
    struct mcp_text bytes; /* IMAGE, AUDIO; EMBEDDED without text. Raw bytes */
    struct mcp_text mime_type;
    struct mcp_text uri;                      /* LINK, EMBEDDED */
    struct mcp_text name, title, description; /* LINK */
    unsigned audience;             /* enum mcp_audience; 0: not said */
    double priority;               /* 0..1; 0: not said */
    struct mcp_text last_modified; /* ISO 8601; empty: not said */
};

/* A block of a tool's result. */
void mcp_add(struct mcp_call *call, const struct mcp_content *c);
void mcp_add_text(struct mcp_call *call, struct mcp_text text);
/* A message of a prompt. */
void mcp_add_message(struct mcp_call *call, bool assistant,
                     const struct mcp_content *c);
/* A part of a resource: text or bytes, mime_type, uri. */
void mcp_add_contents(struct mcp_call *call, const struct mcp_content *c);
/* A completion; those beyond 100 are counted. */
void mcp_add_value(struct mcp_call *call, struct mcp_text value);

/* A tool's structured result, an object told as structured content and, when
 * no block was added, as text. The first call begins it; its end is written
 * by the library. `key` is NULL inside an array.
 *   mcp_put_int(call, "count", 2);
 *   mcp_open_array(call, "names");
 *   mcp_put_text(call, NULL, MCP_STR("a"));
 *   mcp_close(call); */
void mcp_put_text(struct mcp_call *call, const char *key, struct mcp_text v);
void mcp_put_int(struct mcp_call *call, const char *key, int64_t v);
void mcp_put_number(struct mcp_call *call, const char *key, double v);
void mcp_put_bool(struct mcp_call *call, const char *key, bool v);
/* NULL: null. */
void mcp_put_json(struct mcp_call *call, const char *key,
                  const struct mcp_json *v);
void mcp_open_object(struct mcp_call *call, const char *key);
void mcp_open_array(struct mcp_call *call, const char *key);
void mcp_close(struct mcp_call *call);

/* The result tells a failure (isError), in the handler's own words. */
void mcp_failed(struct mcp_call *call);
/* Fills the error that the handler then returns, and returns `e`: which thing,
 * the rule, and one action that mends it. The model that called reads them. */
enum mcp_err mcp_refuse(struct mcp_call *call, enum mcp_err e,
                        struct mcp_text what, struct mcp_text why,
                        struct mcp_text how_to_fix);
/* From a task: fails it with a JSON-RPC error. Elsewhere: the call. Returns
 * what the handler returns. */
enum mcp_err mcp_fail(struct mcp_call *call, struct mcp_text message);
/* Ends a call whose handler said MCP_ERR_PENDING, also while that handler has
 * not returned yet. Nothing of the call may be touched afterwards.
 * MCP_ERR_WAITING, of mcp_ask: the handler runs again when it is answered.
 * Thread: any, once per call. */
void mcp_call_done(struct mcp_call *call, enum mcp_err e);

/* --- a call: on the way ------------------------------------------------------ */

/* Told when the client asked for it; dropped when it does not grow or comes
 * too fast. `total` 0: not known; `message` may be empty. */
void mcp_progress(struct mcp_call *call, double progress, double total,
                  struct mcp_text message);

enum mcp_log_level {
    MCP_LOG_DEBUG,
    MCP_LOG_INFO,
    MCP_LOG_NOTICE,
    MCP_LOG_WARNING,
    MCP_LOG_ERROR,
    MCP_LOG_CRITICAL,
    MCP_LOG_ALERT,
    MCP_LOG_EMERGENCY,
    MCP_LOG_SILENT
};
/* Told when the client wants this level. */
void mcp_log(struct mcp_call *call, enum mcp_log_level level,
             struct mcp_text logger, struct mcp_text text);

/* --- a call: asking the client, waiting, tasks ------------------------------- */

enum mcp_ask_kind {
    MCP_ASK_FORM,   /* elicitation: {"message","requestedSchema"} */
    MCP_ASK_URL,    /* elicitation: {"message","url"} */
    MCP_ASK_SAMPLE, /* sampling: {"messages","maxTokens",...} */
    MCP_ASK_ROOTS,  /* roots: {} */
    MCP_ASK_COUNT
};

/* The client's answer, its result object. `key` names the question within
 * this call, `params` is JSON. MCP_ERR_WAITING: return it, perhaps after
 * further questions. MCP_ERR_UNAVAILABLE: the client cannot be asked so, or
 * answered with an error; return it, or do without.
 *
 * A handler reads as if its questions were answered at once:
 *     e = mcp_ask(call, MCP_ASK_FORM, "name", form, &answer);
 *     if (e) return e;
 * What it wrote before MCP_ERR_WAITING is forgotten; log lines and progress
 * are not. The question travels as an input_required result (2026-07-28), as
 * a request to the client (before), or as a task's inputRequests. */
MCP_MUST_USE enum mcp_err mcp_ask(struct mcp_call *call, enum mcp_ask_kind kind,
                                  const char *key, struct mcp_text params,
                                  const struct mcp_json **ret_answer);
bool mcp_can_ask(const struct mcp_call *call, enum mcp_ask_kind kind);
/* Returns MCP_ERR_WAITING; the handler runs again after `ms`, with mcp_step()
 * one higher. No thread waits meanwhile. */
MCP_MUST_USE enum mcp_err mcp_pause(struct mcp_call *call, int64_t ms);
/* A tool whose row allows it becomes a task here; the client hears at once.
 * MCP_OK: it is one, or this client has none and the call goes on as it is. */
MCP_MUST_USE enum mcp_err mcp_task_begin(struct mcp_call *call);
/* HTTP with a session: ends the stream, the client fetches the rest when it
 * comes back after `retry_ms`. Else nothing. */
void mcp_let_go(struct mcp_call *call, int64_t retry_ms);

/* --- running ----------------------------------------------------------------- */

/* Serves stdin and stdout until stdin ends, or HTTP with --http-port N (0: any
 * free one; the url is written to stderr) and --http-host ADDR, until SIGTERM
 * or SIGINT. Sockets passed by systemd (LISTEN_FDS) are served as they are.
 * Over HTTP the environment variable MCP_TOKEN is the bearer token that is
 * asked for; an address that is not loopback needs one. Returns main's exit
 * code: 0, 1 cannot serve, 2 wrong arguments; it says why on stderr. */
int mcp_main(const struct mcp_server_config *c, int argc, char **argv);

/* The same in parts, for a program with a life of its own. */
struct mcp_host;
struct mcp_host_config {
    bool stdio;             /* serve stdin and stdout; nobody else writes there */
    const char *http_host;  /* numeric, or "localhost"; NULL: no HTTP */
    int http_port;          /* 0: any free one */
    int http_fd; /* a TCP socket that listens already, taken when it started:
                    served instead; 0: none */
    const char *token;      /* over HTTP; NULL: none */
    const char *const *names; /* NULL-ended: names clients may use for us in
                                 Host and Origin beside localhost; or NULL */
    unsigned workers;       /* most threads that run handlers; 0: 8 */
};
/* Starts threads of its own and returns. What it is given must live until
 * mcp_host_stop. MCP_ERR_UNAVAILABLE: the port cannot be had;
 * MCP_ERR_INVALID: no such address, or one that needs a token. The program
 * ignores SIGPIPE. */
MCP_MUST_USE enum mcp_err mcp_host_start(const struct mcp_server_config *c,
                                         const struct mcp_host_config *h,
                                         struct mcp_host **ret);
/* "http://127.0.0.1:4242/mcp", or "" without HTTP. */
const char *mcp_host_url(const struct mcp_host *h);
struct mcp_server *mcp_host_server(const struct mcp_host *h);
/* A descriptor that becomes readable when stdin has ended and everything is
 * answered; for poll(2). */
int mcp_host_ended(const struct mcp_host *h);
/* Refuses new calls, cancels those under way, waits for them and for their
 * answers to leave. False: a handler would not end within 5 s; what it uses
 * is left alone. NULL is fine. Thread: the one that started it */
bool mcp_host_stop(struct mcp_host *h);

/* "NOT_FOUND" */
const char *mcp_err_name(enum mcp_err e);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
