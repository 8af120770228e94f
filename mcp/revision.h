/*
 * revision: the protocol revisions served, one row each. What differs between
 * them is a feature bit; bits are tested in mcp/reply.c and mcp/revision*.c
 * and nowhere else: everybody else asks the questions below.
 *
 * "Modern" is 2026-07-28: every request names its revision in params._meta
 * and stands alone. "Legacy" are those before it: `initialize` chooses one
 * for the stdio stream, the MCP-Protocol-Version header for an HTTP request.
 * Thread: any; the rows are constant.
 */
#ifndef MCP_REVISION_H
#define MCP_REVISION_H

#include "base/slice.h"

/* Newest first, as supportedVersions lists them. */
enum mcp_rev {
    MCP_REV_2026_07_28,
    MCP_REV_2025_11_25,
    MCP_REV_2025_06_18,
    MCP_REV_2025_03_26,
    MCP_REV_2024_11_05,
    MCP_REV_COUNT
};

/* Masks of revisions, for the method table. */
#define MCP_REV_BIT(rev) (1u << (rev))
#define MCP_REVS_ALL (MCP_REV_BIT(MCP_REV_COUNT) - 1)
#define MCP_REVS_MODERN MCP_REV_BIT(MCP_REV_2026_07_28)
#define MCP_REVS_LEGACY (MCP_REVS_ALL & ~MCP_REVS_MODERN)

enum mcp_feature {
    MCP_HAS_CLAIM = 1 << 0,       /* per-request _meta names the revision */
    MCP_HAS_RESULT_TYPE = 1 << 1, /* result.resultType */
    MCP_HAS_RESULT_META = 1 << 2, /* result._meta serverInfo */
    MCP_HAS_CACHE_HINTS = 1 << 3, /* ttlMs, cacheScope */
    MCP_HAS_STRUCTURED = 1 << 4,  /* structuredContent, outputSchema */
    MCP_HAS_TITLE = 1 << 5,       /* title of tools and implementations */
    MCP_HAS_ANNOTATIONS = 1 << 6, /* annotations of tools */
    MCP_HAS_DETAILS = 1 << 7,     /* websiteUrl of implementations */
    MCP_HAS_BATCH = 1 << 8,       /* JSON-RPC arrays */
    MCP_HAS_NULL_ID = 1 << 9,     /* an unread id is told as null on stdio */
    MCP_HAS_LOST_CANCEL = 1 << 10, /* a closed connection cancels */
    MCP_HAS_AUDIO = 1 << 11,       /* audio content, progress messages,
                                      completions */
    MCP_HAS_LINKS = 1 << 12,       /* resource_link, elicitation */
    MCP_HAS_PRIMING = 1 << 13,     /* streams begin with an event id */
    MCP_HAS_URL_ASKS = 1 << 14,    /* elicitation by url */
    MCP_HAS_URL_FAULT = 1 << 15    /* -32042 */
};

struct mcp_revision {
    struct slice version;
    enum mcp_rev rev;
    unsigned features; /* enum mcp_feature */
};

extern const struct mcp_revision mcp_revisions[MCP_REV_COUNT];

/* The row of a version's name, or NULL. */
const struct mcp_revision *mcp_revision_find(struct slice version);
/* What `initialize` is answered with: the wanted revision when it is a legacy
 * one, else the latest legacy one. */
const struct mcp_revision *mcp_revision_negotiate(struct slice wanted);
/* The revision of errors and of requests nobody has chosen one for. */
const struct mcp_revision *mcp_revision_modern(void);
const struct mcp_revision *mcp_revision_legacy(void);
/* An HTTP request of the legacy era that names no version. */
const struct mcp_revision *mcp_revision_unstated(void);

bool mcp_revision_is_modern(const struct mcp_revision *r);
bool mcp_revision_takes_batches(const struct mcp_revision *r);
bool mcp_revision_lost_cancels(const struct mcp_revision *r);
bool mcp_revision_primes(const struct mcp_revision *r);
bool mcp_revision_elicits(const struct mcp_revision *r);
bool mcp_revision_elicits_urls(const struct mcp_revision *r);
bool mcp_revision_has_url_fault(const struct mcp_revision *r);
bool mcp_revision_has_progress_text(const struct mcp_revision *r);

/* ["2026-07-28",...], newest first. */
struct slice mcp_revision_list(void);

#endif
