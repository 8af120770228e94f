#include "transport/unread.h"

#include "base/alloc.h"

static void forget_sent(struct tp_unread *u)
{
    while (u->count && u->ends[u->first] <= u->sent) {
        u->first = (u->first + 1) % u->room;
        u->count--;
    }
}

bool tp_unread_room(struct tp_unread *u, uint32_t most)
{
    if (!u->ends) u->ends = mem_alloc(most * sizeof(*u->ends));
    if (!u->ends) return false;
    u->room = most;
    forget_sent(u);
    return u->count < u->room;
}

void tp_unread_add(struct tp_unread *u, size_t unsent)
{
    u->ends[(u->first + u->count++) % u->room] = u->sent + unsent;
}

void tp_unread_done(struct tp_unread *u)
{
    mem_free(u->ends);
    *u = (struct tp_unread){0};
}
