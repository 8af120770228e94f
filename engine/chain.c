#include "engine/chain.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json_write.h"

static void add_text(struct sha256 *h, struct slice s)
{
    char length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (char)((uint64_t)s.n >> (56 - 8 * i));
    sha256_add(h, (struct slice){length, sizeof(length)});
    sha256_add(h, s);
}

static void add_number(struct sha256 *h, int64_t v)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%" PRId64, v);
    add_text(h, (struct slice){text, (size_t)n});
}

void eng__chain_seal(struct st_event *e)
{
    struct sha256 h;
    sha256_init(&h);
    sha256_add(&h, (struct slice){(const char *)e->prev_hash, SHA256_SIZE});
    add_text(&h, e->session_id);
    add_number(&h, e->seq);
    add_number(&h, e->at_ms);
    add_text(&h, e->type);
    add_number(&h, e->phase);
    add_text(&h, e->actor);
    add_text(&h, e->data);
    sha256_end(&h, e->hash);
}

void eng__chain_append(struct st_session *row, struct st_event *e)
{
    e->session_id = row->id;
    e->seq = row->event_seq + 1;
    memcpy(e->prev_hash, row->event_hash, SHA256_SIZE);
    eng__chain_seal(e);
    row->event_seq = e->seq;
    memcpy(row->event_hash, e->hash, SHA256_SIZE);
}

#define NOTE_CEILING (1u << 20)

static void note_write(struct buf *b, const struct st_session *row)
{
    char hex[SHA256_HEX_SIZE];
    struct json_writer w = json_writer(b);
    json_begin_object(&w);
    json_put_string(&w, "session_id", row->id);
    json_put_string(&w, "workflow_type", row->workflow_type);
    json_put_int(&w, "version", row->version);
    json_put_int(&w, "event_id", row->event_seq);
    json_put_string(&w, "hash", sha256_hex(row->event_hash, hex));
    json_end_object(&w);
}

enum err eng__chain_note(struct st_tx *tx, struct slice type,
                         struct slice actor, const struct st_session *row)
{
    struct st_session store = {.id = SLICE("")};
    struct buf b = BUF_INIT(NOTE_CEILING);
    enum err e =
        st_event_head(tx, store.id, &store.event_seq, store.event_hash);
    if (e && e != ERR_NOT_FOUND) return e;
    note_write(&b, row);
    struct st_event ev = {.at_ms = row->updated_ms,
                          .type = type,
                          .actor = actor,
                          .phase = -1,
                          .data = buf_slice(&b)};
    eng__chain_append(&store, &ev);
    e = b.err ? b.err : st_event_append(tx, &ev);
    buf_done(&b);
    return e;
}
