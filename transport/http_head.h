/*
 * http_head: the head of a request as its bytes come, beside evhttp, which
 * reads lines as C strings and counts a length without bound: what it cannot
 * tell us afterwards is remembered here.
 *
 * Thread: any. Nothing here allocates or keeps a byte.
 */
#ifndef TRANSPORT_HTTP_HEAD_H
#define TRANSPORT_HTTP_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct tp_head {
    bool ended;      /* the empty line has come: what follows is no head */
    bool nul;        /* a NUL byte, behind which evhttp reads nothing */
    uint64_t length; /* the greatest Content-Length; UINT64_MAX: and more */
    /* private */
    uint64_t value;
    unsigned at;   /* bytes of this line, counted to just beyond the name */
    unsigned same; /* of them those that spell Content-Length: */
    bool begun, text;
};

/* A zeroed head is one that has not begun. Bytes behind its end are ignored. */
void tp_head_feed(struct tp_head *h, struct slice bytes);
/* Content-Length as RFC 9110 has it: digits, nothing else. */
bool tp_length_valid(struct slice value);

#endif
