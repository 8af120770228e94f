#include "engine/chain.h"

#include <inttypes.h>
#include <stdio.h>

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
