/*
 * json_write: a streaming writer into a buf.
 *
 * Writes compact JSON: escapes exactly what RFC 8259 asks (", \, controls),
 * never a raw newline, so that a document is always one line. Commas are the
 * writer's business. Invalid UTF-8 becomes U+FFFD: output is always valid.
 * Failures are the buf's (sticky). Nesting is checked in debug builds.
 *
 * Thread: the owner of the buf. No lock.
 */
#ifndef BASE_JSON_WRITE_H
#define BASE_JSON_WRITE_H

#include "base/buf.h"
#include "base/json.h"

struct json_writer {
    struct buf *out;
    /* private */
    uint32_t depth;
    bool comma; /* the next value needs one */
    bool after_key;
    uint64_t objects[JSON_DEPTH_MAX / 64]; /* bit i: level i is an object */
};

static inline struct json_writer json_writer(struct buf *out)
{
    return (struct json_writer){.out = out};
}

void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
/* Key of the next value; escaped like any string. */
void json_key(struct json_writer *w, struct slice key);
void json_null(struct json_writer *w);
void json_bool(struct json_writer *w, bool v);
void json_int(struct json_writer *w, int64_t v);
/* Shortest text that reads back the same; not finite becomes null. */
void json_number(struct json_writer *w, double v);
void json_string(struct json_writer *w, struct slice v);
void json_stringf(struct json_writer *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Splices one ready JSON value (must be valid, one line). */
void json_raw(struct json_writer *w, struct slice value);
/* Splices ready members ("a":1,"b":2) into the open object; may be empty. */
void json_raw_members(struct json_writer *w, struct slice members);
/* Writes a tree, numbers by their raw text. */
void json_value(struct json_writer *w, const struct json *v);

/* Shorthands: key and value. */
void json_put_string(struct json_writer *w, const char *key, struct slice v);
void json_put_int(struct json_writer *w, const char *key, int64_t v);
void json_put_bool(struct json_writer *w, const char *key, bool v);
void json_put_raw(struct json_writer *w, const char *key, struct slice v);

/* Appends the escaped contents of a JSON string, without quotes. */
void json_escape(struct buf *out, struct slice v);

#endif
