/*
 * call_state: the private side of calls, peers and the server. Only mcp/
 * includes it.
 *
 * The life of a call, all on its peer's loop except where said:
 *
 *   take -> parse (over 64 KiB: on a worker) -> ruling -> begin
 *        -> run (here, or on a worker, or pending elsewhere)
 *        -> parked (waits for time, an answer, or stays open), run again
 *        -> render (where run ended) -> finish: reply or drop -> free list
 *
 * While it is away (queued, on a worker, pending, parked) it stands in its
 * peer's list, for cancellation by id, and in the server's, for shutdown. It
 * comes home through the exchange's mailbox, exactly once.
 *
 * A call that has no exchange any more (a task, a stream the client will
 * resume) moves to the server's own loop (mcp/yard.c) and lives there.
 */
#ifndef MCP_CALL_STATE_H
#define MCP_CALL_STATE_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/lock.h"
#include "base/map.h"
#include "base/random.h"
#include "base/sha256.h"
#include "mcp/call.h"
#include "mcp/fault.h"
#include "mcp/method.h"

struct mcp_call_link {
    struct mcp_call_link *next, *prev;
};

/* What a client said it can do. */
enum mcp_can {
    MCP_CAN_FORM = 1,
    MCP_CAN_URL = 2,
    MCP_CAN_SAMPLE = 4,
    MCP_CAN_ROOTS = 8,
    MCP_CAN_TASKS = 16
};

/* A question to the client. In the call's arena but for `text`. */
struct mcp_ask {
    struct mcp_ask *next;
    enum mcp_ask_kind kind;
    struct slice key, params;
    const struct json *answer; /* NULL: none yet */
    bool refused;              /* the answer was an error, or none came */
    bool answered; /* `text` or `answer` or `refused` is set. Lock: peer */
    int64_t id;    /* of the request sent; 0: not sent. Lock: peer */
    struct buf text; /* the answer as it came. Lock: peer, while parked */
};

enum mcp_wants {
    MCP_WANTS_NOTHING,
    MCP_WANTS_TIME,
    MCP_WANTS_ANSWERS,
    MCP_WANTS_TASK
};

struct mcp_session;
struct mcp_task;

/* What a subscriptions/listen or a stream of a session is told. */
struct mcp_filter {
    bool changes[3];         /* enum mcp_change */
    struct mcp_strings uris; /* resources; arena */
    struct mcp_strings tasks;
};

struct mcp_call_state {
    struct mcp_call pub; /* first: a handler's pointer is ours */
    struct mcp_peer *peer;
    struct mcp_exchange *ex;      /* NULL: answered at its deadline */
    struct mcp_mailbox *mailbox;  /* of its loop */
    struct mcp_call_link at_peer;   /* away, held or free. Thread: loop */
    struct mcp_call_link at_server; /* away. Lock: server->lock */
    struct pool_job job;
    struct mcp_mail mail;
    void (*home)(struct mcp_call_state *c); /* next step when back */
    struct slice bytes;                     /* the message */
    struct mcp_pieces *pieces; /* or they, and bytes.n; NULL: put together */
    struct mcp_message m;
    const struct mcp_known *known; /* what is known of it; held by the arena */
    const struct mcp_revision *revision;
    const struct mcp_method *method; /* NULL: there is nothing to answer */
    const struct mcp_tool *tool;     /* tools/call */
    const void *row;                 /* resource or prompt; NULL: a list */
    void *args;
    const struct json *raw_args; /* of a tool with its own schema */
    enum mcp_run where;
    struct mcp_fault fault;
    struct buf reply;
    struct buf blocks; /* of content, messages, contents or values */
    struct json_writer writer; /* of mcp_put_*: out.plain's, while it has bytes */
    enum err result;
    void *ticket; /* of the gate; NULL: none */
    bool away, rendered, lost;
    bool waits;    /* at the gate */
    bool admitted; /* by the gate, which is to be told when work has ended */

    /* --- the client, as this call knows it --- */
    struct mcp_session *session; /* legacy; pinned. NULL: none */
    struct mcp_call_link at_session; /* may write there. Lock: server->lock */
    unsigned can;                /* enum mcp_can */
    enum mcp_log_level log_level;
    const struct json *token; /* progressToken, or NULL */
    double progress;
    int64_t progress_ns;
    bool announce; /* initialize made a session: tell its id */

    /* --- waiting --- */
    enum mcp_wants wants;
    int64_t pause_ms;
    struct mcp_ask *asks;
    const struct json *given, *kept; /* inputResponses; of requestState */
    unsigned lacking; /* enum mcp_can: what mcp_ask could not ask */
    bool deaf;   /* a part of a batch: nothing can be sent before the answer */
    bool parked; /* whoever clears it wakes the call. Lock: server->lock */
    bool timed;  /* stands in the server's timers. Lock: server->lock */
    int64_t due_ns;
    struct mcp_call_link at_timers;
    size_t values; /* completions offered */
    struct slice next_cursor;
    struct mcp_task *task;

    /* --- limits of time: deadline.c --- */
    struct mcp_limits limits;
    int64_t arrived_ns, call_due; /* call_due: monotonic; INT64_MAX: none */
    int64_t queue_due; /* 0: does not wait for a worker */
    int64_t beat_due;  /* the next notice of progress; INT64_MAX: none */
    int64_t cancelled_ns;
    bool answered;  /* at its deadline; a worker still has it. Thread: loop */
    bool abandoned; /* counted as such. Thread: loop */
    struct mcp_mail bell;
    bool rung; /* `bell` is in the mailbox. Lock: server->lock */
    bool over; /* released when the bell has been heard. Thread: loop */

    int64_t began_ns; /* its message was there; 0: it has none of its own */

    /* --- work shared with others: share.c. Lock: server->lock --- */
    struct mcp_sharing sharing;
    bool leads;                     /* stands in the server's flights */
    bool joined;                    /* waits in the list of one that leads */
    struct mcp_call_state *leader;  /* while joined */
    struct mcp_call_link followers; /* of one that leads */
    uint32_t followers_n;
    bool alone; /* leads for its followers, its own client has left */
    struct mcp_call_link at_flight; /* a flight's, or its followers' */
    struct mcp_shared *shared;      /* the result that came; counted */

    /* --- messages before the answer --- */
    struct buf outbox; /* lines. Lock: server->lock */
    struct mcp_mail flush;
    bool flushing;     /* `flush` is in the mailbox. Lock: server->lock */
    bool emitted;      /* something was ever sent */
    bool opened;       /* the stream has begun. Thread: loop */
    bool overrun;      /* too much was to be sent. Lock: server->lock */
    void (*after_flush)(struct mcp_call_state *c); /* Lock: server->lock */
    uint32_t stream;   /* of the session; 0: none yet. Lock: server->lock */
    uint32_t sequence; /* of its last event. Lock: server->lock */
    int64_t let_go_ms; /* mcp_let_go; < 0: not asked */

    /* --- streams that stay open --- */
    bool listening;
    struct mcp_call_link at_listeners; /* Lock: server->lock */
    struct mcp_filter filter;
    uint32_t follows;         /* the stream a client resumes; 0: none */
    struct mcp_exchange aside; /* stands in for an exchange that has ended */
};

enum { MCP_FLIGHT_LISTS = 64, MCP_KNOWN = 4, MCP_SEEN = 16 };
struct mcp_shared; /* share.c */

struct mcp_tool_entry {
    struct slice name;
    const struct mcp_tool *row;
};

/* Idle calls, kept warm, and the messages that are known: of one stdio peer,
 * or of all HTTP peers of a loop, so that a thousand quiet connections keep
 * none. Thread: its loop. */
struct mcp_lane {
    struct mcp_call_link free;
    size_t free_count;
    struct mcp_known *known[MCP_KNOWN]; /* again.c */
    uint32_t known_next;
    uint64_t seen[MCP_SEEN]; /* hashes of messages that came once */
    pthread_t owner; /* HTTP: the loop's thread */
    struct mcp_lane *next;
};

/* Thread: its loop, all of it. */
struct mcp_peer {
    struct mcp_server *server;
    enum mcp_transport kind;
    const char *name;
    const struct mcp_revision *legacy; /* chosen by initialize (stdio) */
    const struct mcp_revision *last;   /* of the last message that had one */
    struct mcp_session *session;       /* stdio: of initialize, or NULL */
    struct mcp_call_state *standing;   /* stdio: its own channel, or NULL */
    struct mcp_call_link away, held;
    struct mcp_lane *lane; /* &own, or a loop's */
    struct mcp_lane own;
    bool parsing; /* stdio: a large message is read; later ones are held */
    bool left;    /* freed when the last call has come home */
    _Alignas(16) unsigned char note[MCP_NOTE_SIZE]; /* the gate's */
};

/* The server's own loop, begun when it is first needed. */
struct mcp_yard {
    struct mcp_mailbox mailbox; /* first */
    struct lock lock;
    struct cond changed;
    struct mcp_mail *first, **last; /* Lock: lock */
    bool begun, kicked, stopping;   /* Lock: lock */
    pthread_t thread;
    struct mcp_peer peer;
    struct mcp_call_link timers; /* by due_ns. Lock: server->lock */
    int64_t wakes_at;            /* the thread. Lock: server->lock */
};

struct mcp_server {
    struct mcp_server_config config;
    unsigned offers; /* enum mcp_offer */
    struct mcp_tool_entry *tools;
    size_t tools_count;
    /* Answers that are the same for everybody, rendered once by mcp/reply. */
    struct buf hello[MCP_REV_COUNT]; /* of initialize or server/discover */
    struct buf mute_hello[MCP_REV_COUNT]; /* to whom no notice can be sent */
    struct buf tools_list[MCP_REV_COUNT];
    struct buf tail[MCP_REV_COUNT]; /* what closes every result object */
    struct buf replay_tail[MCP_REV_COUNT]; /* ... that was kept for a key */
    uint8_t secret[SHA256_SIZE];    /* of requestState and cursors */
    struct lock lock;
    struct mcp_call_link away;      /* Lock: lock */
    struct mcp_call_link listeners; /* Lock: lock */
    struct mcp_call_link flights[MCP_FLIGHT_LISTS]; /* by key. Lock: lock */
    struct mcp_lane *lanes;         /* of the HTTP loops. Lock: lock */
    struct map sessions;            /* by id. Lock: lock */
    int64_t swept_ns;               /* of `sessions`. Lock: lock */
    struct map tasks;               /* by id. Lock: lock */
    int64_t last_ask;               /* Lock: lock */
    _Atomic uint32_t open;          /* length of `away`; written under lock */
    atomic_bool stopping;           /* set under lock, read anywhere */
    struct {
        _Atomic uint32_t abandoned;
        _Atomic uint64_t abandoned_total, progress, led, joined, duplicates;
        _Atomic uint32_t flights, peers;
        _Atomic uint64_t deadlines[MCP_LIMIT_COUNT];
        _Atomic uint64_t cancelled[CANCEL_CAUSE_COUNT];
    } counts; /* relaxed */
    struct mcp_meters *meters;
    struct mcp_yard yard;
};

#define MCP_CALL_OF(link)                                                      \
    ((struct mcp_call_state *)((char *)(link)-offsetof(struct mcp_call_state,  \
                                                       at_peer)))
#define MCP_CALL_AT(link, member)                                              \
    ((struct mcp_call_state *)((char *)(link)-offsetof(struct mcp_call_state,  \
                                                       member)))

/* --- call.c --------------------------------------------------------------- */
/* A fresh call for this exchange; NULL when out of memory. */
struct mcp_call_state *mcp_call_take(struct mcp_peer *peer,
                                     struct mcp_exchange *ex);
void mcp_call_free(struct mcp_call_state *c);
/* Sets the JSON-RPC error this call ends with; returns ERR_INVALID. */
enum err mcp_call_fault(struct mcp_call_state *c, struct mcp_fault f);
/* The method's begin, run, render and finish. */
void mcp_call_serve(struct mcp_call_state *c);
/* Its permit, if it has one. Who runs again enters again. Thread: loop */
void mcp_call_give_back(struct mcp_call_state *c);
/* run() again, after a wait. */
void mcp_call_resume(struct mcp_call_state *c);
/* Hands the call to a worker; `home` runs on the loop afterwards, with
 * c->result. False: the pool refused, c->result says why, the call is here. */
bool mcp_call_send(struct mcp_call_state *c, void (*run)(struct pool_job *job),
                   void (*home)(struct mcp_call_state *c));
/* Worker: sends the call back. */
void mcp_call_back(struct mcp_call_state *c);
/* Away: it may be cancelled, and its timer runs. Thread: loop */
void mcp_call_leave(struct mcp_call_state *c);
/* It is home: in no list, no timer runs for it. Thread: loop */
void mcp_call_return(struct mcp_call_state *c);
/* Takes an away call out of whatever it waits in. True: nobody holds it, the
 * caller sends it home. False: a worker has it, or it is on its way. */
bool mcp_call_unlink(struct mcp_call_state *c);
void mcp_call_release(struct mcp_call_state *c);
void mcp_call_render(struct mcp_call_state *c);
/* Renders if need be, ends the exchange, frees the call. */
void mcp_call_finish(struct mcp_call_state *c);
/* As finish, for a holder whose reply is complete, or empty (202). */
void mcp_call_answer(struct mcp_call_state *c, int status);
/* Retry-After, in whole seconds, rounded up. */
enum { MCP_SECONDS_SIZE = 24 };
struct mcp_header mcp_retry_after(int64_t ms, char text[MCP_SECONDS_SIZE]);
/* Away without work: `home` runs on the loop after mcp_call_wake, or after
 * `ms` (< 0: never). ERR_UNAVAILABLE: no timer could be had; it is here. */
enum err mcp_call_park(struct mcp_call_state *c, int64_t ms,
                       void (*home)(struct mcp_call_state *c));
/* True: this caller woke it. Thread: any. Lock: server->lock is held */
bool mcp_call_wake(struct mcp_call_state *c);
/* notifications/cancelled: every call away with this id. */
void mcp_peer_cancel(struct mcp_peer *peer, const struct json *id);

/* --- share.c -------------------------------------------------------------- */
void mcp_share_init(struct mcp_server *s);
/* True: the call is taken care of: it waits for another's result, or was told
 * that it is a duplicate. False: it runs, and perhaps leads. */
bool mcp_share_join(struct mcp_call_state *c,
                    void (*home)(struct mcp_call_state *c));
/* Home again: true: it has its result; false: it leads now, and runs. */
bool mcp_share_arrived(struct mcp_call_state *c);
/* True: it waited for another and does no more. Thread: loop */
bool mcp_share_leave(struct mcp_call_state *c);
/* Do others wait for this call's work? Then it goes on without its client. */
bool mcp_share_wanted(struct mcp_call_state *c);
/* The call ends: who waits gets its result, or the lead. Thread: loop */
void mcp_share_end(struct mcp_call_state *c);
/* Its time is over while a worker still has it: so is theirs. */
void mcp_share_late(struct mcp_call_state *c);

/* --- deadline.c ----------------------------------------------------------- */
/* From arrival on, as the server's configuration says. */
void mcp_limits_begin(struct mcp_call_state *c);
/* As the tool's row and its arguments say. */
void mcp_limits_tool(struct mcp_call_state *c);
/* It waits for leave to run: until the call's own deadline. */
void mcp_limits_wait(struct mcp_call_state *c);
/* Its work begins. */
void mcp_limits_run(struct mcp_call_state *c);
/* Sets the timer of a call that leaves its loop. Lock: server->lock is held */
void mcp_bell_set(struct mcp_call_state *c);
/* It is due. Lock: server->lock is held */
void mcp_bell_ring(struct mcp_call_state *c);
/* A cancel has met work under way: it is watched from now on. */
void mcp_bell_watch(struct mcp_call_state *c);

/* --- peer.c --------------------------------------------------------------- */
/* Frees the idle calls. */
void mcp_lane_done(struct mcp_lane *lane);
void mcp_peer_init(struct mcp_peer *peer, struct mcp_server *s,
                   enum mcp_transport kind, const char *name);

/* --- yard.c --------------------------------------------------------------- */
void mcp_yard_init(struct mcp_yard *y);
MUST_USE enum err mcp_yard_begin(struct mcp_server *s);
void mcp_yard_end(struct mcp_server *s);
/* Lock: server->lock is held */
void mcp_yard_time(struct mcp_server *s, struct mcp_call_state *c,
                   int64_t due_ns);
void mcp_yard_untime(struct mcp_call_state *c);
/* The call leaves its exchange, which the caller ends, and goes on with
 * `home` on the server's own loop. */
void mcp_yard_move(struct mcp_call_state *c,
                   void (*home)(struct mcp_call_state *c));

/* --- batch.c -------------------------------------------------------------- */
/* Serves each element and answers c's exchange when the last has ended. */
void mcp_batch_serve(struct mcp_call_state *c);

/* --- face.c --------------------------------------------------------------- */
/* Ends the result that mcp_put_* wrote, if they did. */
void mcp_face_end(struct mcp_call_state *c);

/* --- receive.c ------------------------------------------------------------ */
/* From a ruling on: c->m and c->revision are set by it. */
struct mcp_ruling;
void mcp_receive_ruled(struct mcp_call_state *c, const struct mcp_ruling *r);
/* What can be said without memory. */
void mcp_receive_nomem(struct mcp_exchange *ex);

/* --- again.c: the same call again. Thread: the peer's loop ----------------- */
/* True: c->m is this message's, and c->known is set. */
bool mcp_again_recall(struct mcp_call_state *c, struct slice message);
/* True: the ruling is known too. */
bool mcp_again_rule(const struct mcp_call_state *c, struct mcp_ruling *ret);
/* The tool and its arguments, of a call that is known. */
void mcp_again_tool(struct mcp_call_state *c, const struct json **ret_args);
/* A good call of a tool: its message is known when it comes again. */
void mcp_again_keep(struct mcp_call_state *c);
void mcp_again_done(struct mcp_lane *lane);

/* --- client.c: what the client of a call said of itself ------------------- */
unsigned mcp_can_of(const struct json *capabilities,
                    const struct mcp_revision *r);
void mcp_client_read(struct mcp_call_state *c);
/* MCP_LOG_SILENT: no such level. */
enum mcp_log_level mcp_log_level_of(struct slice name);
/* -32021 that names what is missing. */
enum err mcp_client_lacks(struct mcp_call_state *c, unsigned can);

/* --- session.c ------------------------------------------------------------ */
struct mcp_session {
    char id[UUID_SIZE];
    const struct mcp_revision *revision;
    unsigned can;
    enum mcp_log_level log_level;
    struct map uris; /* subscribed: owned copies */
    int64_t used_ns;
    struct mcp_session *next_dead; /* of a sweep */
    uint32_t pins; /* calls that hold it */
    struct mcp_call_link writers; /* those whose answer is still to come */
    bool ended;
    uint32_t streams; /* the last stream's number; 1 is the GET stream */
    uint32_t get_sequence; /* of the last event there */
    struct mcp_event *events, **events_end;
    size_t events_count, events_bytes;
};
/* All but unpin: Lock: server->lock is held. */
struct mcp_session *mcp_session_new(void);
bool mcp_session_room(struct mcp_server *s); /* for one more over HTTP */
struct mcp_session *mcp_session_find(struct mcp_server *s, struct slice id);
void mcp_session_end(struct mcp_server *s, struct mcp_session *session);
void mcp_session_pin(struct mcp_call_state *c, struct mcp_session *session);
void mcp_session_unpin(struct mcp_call_state *c); /* takes the lock */
/* The same under the lock; what is returned the caller frees. */
struct mcp_session *mcp_session_leave(struct mcp_call_state *c);
/* The call says no more; whoever follows its stream is let go. */
void mcp_session_quiet(struct mcp_call_state *c);
void mcp_sessions_free(struct mcp_server *s);
void mcp_session_free(struct mcp_session *session);
struct slice mcp_session_id_of(uint32_t stream, uint32_t sequence,
                               char id[32]);
/* Last-Event-ID. False: it is no such id, and nothing is written. */
bool mcp_event_id_read(struct slice id, uint32_t *stream, uint32_t *sequence);
/* Keeps an event for a client that comes back; writes its id. */
struct slice mcp_session_keep(struct mcp_server *s, struct mcp_session *session,
                              uint32_t stream, uint32_t sequence,
                              struct slice message, char id[32]);

/* --- notify.c ------------------------------------------------------------- */
/* A sign of life of a call that reports none. Lock: server->lock is held */
void mcp_progress_beat(struct mcp_call_state *c, int64_t now);
/* Sends a message before the answer. Thread: any. */
void mcp_emit(struct mcp_call_state *c, struct slice message);
void mcp_emit_locked(struct mcp_call_state *c, struct slice message);
/* An event kept for a client that comes back, to the stream it came with. */
void mcp_emit_again(struct mcp_call_state *c, uint32_t stream,
                    uint32_t sequence, struct slice message);
/* The stream of a session that a client follows instead of the original. */
struct mcp_call_state *mcp_follower(struct mcp_server *s,
                                    const struct mcp_session *session,
                                    uint32_t stream);
/* Loop: what was emitted goes out. */
void mcp_flush(struct mcp_call_state *c);
/* True: a flush is in the mailbox, `then` runs after it. */
bool mcp_flush_first(struct mcp_call_state *c,
                     void (*then)(struct mcp_call_state *c));
/* The final message as an event of a resumable stream. True: done. */
bool mcp_end_stream(struct mcp_call_state *c, int status);
enum err mcp_listen_begin(struct mcp_call_state *c);
enum err mcp_listen_run(struct mcp_call_state *c);
void mcp_listen_render(struct mcp_call_state *c, enum err e);
void mcp_tell_task(struct mcp_server *s, struct slice id, struct slice body);

/* --- ask.c ---------------------------------------------------------------- */
/* After a handler said ERR_PENDING with c->wants set. Thread: loop */
void mcp_await(struct mcp_call_state *c);
/* inputResponses and requestState of a request. */
enum err mcp_asks_begin(struct mcp_call_state *c);
/* Forgets them; frees what the arena does not hold. */
void mcp_asks_done(struct mcp_call_state *c);
/* A response of the client. */
void mcp_answer(struct mcp_call_state *c);
/* {"key":{"method":...,"params":{...}},...} of those open. */
void mcp_asks_write(struct mcp_call_state *c, struct json_writer *w);
/* Hands over an answer by key. Lock: server->lock is held */
void mcp_asks_take(struct mcp_call_state *c, struct slice key,
                   struct slice text);
bool mcp_asks_open(const struct mcp_call_state *c);

/* --- token.c: text that only this process can have written ---------------- */
/* base64url(expiry, mac, payload); `bound` is what it belongs to. arena */
struct slice mcp_token_write(struct mcp_server *s, struct arena *a,
                             struct slice bound, struct slice payload,
                             int64_t ttl_ms);
enum err mcp_token_read(struct mcp_server *s, struct arena *a,
                        struct slice bound, struct slice token,
                        struct slice *ret_payload);

/* --- page.c: lists -------------------------------------------------------- */
struct mcp_list_kind;
struct mcp_list {
    struct mcp_call_state *c;
    const struct mcp_prompt_arg *args; /* of the prompt being listed */
    const struct mcp_list_kind *kind;
    struct json_writer w;
    size_t from, to, count;
};
/* params.cursor; `ret` is the first entry. */
enum err mcp_page_begin(struct mcp_call_state *c, size_t *ret);
struct slice mcp_page_cursor(struct mcp_call_state *c, size_t next);

/* --- task.c --------------------------------------------------------------- */
void mcp_task_start(struct mcp_call_state *c);
/* The task's call has ended with this result object or error object. */
void mcp_task_end(struct mcp_call_state *c);
void mcp_task_waits(struct mcp_call_state *c, bool waits);
void mcp_tasks_free(struct mcp_server *s);
enum err mcp_tasks_begin(struct mcp_call_state *c);
void mcp_tasks_get_render(struct mcp_call_state *c, enum err e);
enum err mcp_tasks_update_begin(struct mcp_call_state *c);
enum err mcp_tasks_cancel_begin(struct mcp_call_state *c);

/* --- method_*.c ----------------------------------------------------------- */
enum err mcp_tools_list_begin(struct mcp_call_state *c);
void mcp_tools_list_render(struct mcp_call_state *c, enum err e);
enum err mcp_tools_call_begin(struct mcp_call_state *c);
enum err mcp_tools_call_run(struct mcp_call_state *c);
/* `args` (NULL: none) of a tool without a schema of its own. */
enum err mcp_tools_parse(const struct mcp_tool *t, const struct json *args,
                         struct arena *a, void *ret_args, struct problem *p);
void mcp_tools_call_render(struct mcp_call_state *c, enum err e);
/* The answer of a tool that is still at work, from this problem alone. */
void mcp_tools_call_late(struct buf *out, const struct mcp_call_state *c,
                         const struct problem *p);
enum err mcp_list_begin(struct mcp_call_state *c);
enum err mcp_resources_list_run(struct mcp_call_state *c);
enum err mcp_templates_list_run(struct mcp_call_state *c);
enum err mcp_prompts_list_run(struct mcp_call_state *c);
void mcp_list_render(struct mcp_call_state *c, enum err e);
enum err mcp_resources_read_begin(struct mcp_call_state *c);
enum err mcp_resources_read_run(struct mcp_call_state *c);
void mcp_resources_read_render(struct mcp_call_state *c, enum err e);
enum err mcp_prompts_get_begin(struct mcp_call_state *c);
enum err mcp_prompts_get_run(struct mcp_call_state *c);
void mcp_prompts_get_render(struct mcp_call_state *c, enum err e);
enum err mcp_complete_begin(struct mcp_call_state *c);
enum err mcp_complete_run(struct mcp_call_state *c);
void mcp_complete_render(struct mcp_call_state *c, enum err e);
enum err mcp_set_level_begin(struct mcp_call_state *c);
enum err mcp_subscribe_begin(struct mcp_call_state *c);
enum err mcp_unsubscribe_begin(struct mcp_call_state *c);
/* An error of a handler that is no tool, as a JSON-RPC error. */
void mcp_handler_fault(struct mcp_call_state *c, enum err e);

static inline void mcp_link_init(struct mcp_call_link *head)
{
    head->next = head->prev = head;
}
static inline void mcp_link_add(struct mcp_call_link *head,
                                struct mcp_call_link *l)
{
    l->next = head;
    l->prev = head->prev;
    head->prev->next = l;
    head->prev = l;
}
static inline void mcp_link_del(struct mcp_call_link *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    mcp_link_init(l);
}

#endif
