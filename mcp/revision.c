#include "mcp/revision.h"

enum {
    LEGACY_2024 = MCP_HAS_NULL_ID,
    LEGACY_2025 = LEGACY_2024 | MCP_HAS_ANNOTATIONS | MCP_HAS_AUDIO,
    LEGACY_JUNE = LEGACY_2025 | MCP_HAS_STRUCTURED | MCP_HAS_TITLE | MCP_HAS_LINKS,
    LEGACY_NOVEMBER = LEGACY_JUNE | MCP_HAS_DETAILS | MCP_HAS_PRIMING |
                      MCP_HAS_URL_ASKS | MCP_HAS_URL_FAULT,
    MODERN = MCP_HAS_CLAIM | MCP_HAS_RESULT_TYPE | MCP_HAS_RESULT_META |
             MCP_HAS_CACHE_HINTS | MCP_HAS_STRUCTURED | MCP_HAS_TITLE |
             MCP_HAS_ANNOTATIONS | MCP_HAS_DETAILS | MCP_HAS_LOST_CANCEL |
             MCP_HAS_AUDIO | MCP_HAS_LINKS | MCP_HAS_URL_ASKS
};

/* clang-format off */
const struct mcp_revision mcp_revisions[MCP_REV_COUNT] = {
    {SLICE_INIT("2026-07-28"), MCP_REV_2026_07_28, MODERN},
    {SLICE_INIT("2025-11-25"), MCP_REV_2025_11_25, LEGACY_NOVEMBER},
    {SLICE_INIT("2025-06-18"), MCP_REV_2025_06_18, LEGACY_JUNE},
    {SLICE_INIT("2025-03-26"), MCP_REV_2025_03_26, LEGACY_2025 | MCP_HAS_BATCH},
    {SLICE_INIT("2024-11-05"), MCP_REV_2024_11_05, LEGACY_2024},
};
/* clang-format on */

const struct mcp_revision *mcp_revision_find(struct slice version)
{
    for (size_t i = 0; i < MCP_REV_COUNT; i++) {
        if (slice_eq(mcp_revisions[i].version, version))
            return &mcp_revisions[i];
    }
    return NULL;
}

const struct mcp_revision *mcp_revision_negotiate(struct slice wanted)
{
    const struct mcp_revision *r = mcp_revision_find(wanted);
    return r && !mcp_revision_is_modern(r) ? r : mcp_revision_legacy();
}

const struct mcp_revision *mcp_revision_modern(void)
{
    return &mcp_revisions[MCP_REV_2026_07_28];
}

const struct mcp_revision *mcp_revision_legacy(void)
{
    return &mcp_revisions[MCP_REV_2025_11_25];
}

const struct mcp_revision *mcp_revision_unstated(void)
{
    return &mcp_revisions[MCP_REV_2025_03_26];
}

bool mcp_revision_is_modern(const struct mcp_revision *r)
{
    return (r->features & MCP_HAS_CLAIM) != 0;
}

bool mcp_revision_takes_batches(const struct mcp_revision *r)
{
    return (r->features & MCP_HAS_BATCH) != 0;
}

bool mcp_revision_lost_cancels(const struct mcp_revision *r)
{
    return (r->features & MCP_HAS_LOST_CANCEL) != 0;
}

bool mcp_revision_primes(const struct mcp_revision *r)
{
    return (r->features & MCP_HAS_PRIMING) != 0;
}

bool mcp_revision_elicits(const struct mcp_revision *r)
{
    return (r->features & MCP_HAS_LINKS) != 0;
}

bool mcp_revision_elicits_urls(const struct mcp_revision *r)
{
    return (r->features & MCP_HAS_URL_ASKS) != 0;
}

bool mcp_revision_has_url_fault(const struct mcp_revision *r)
{
    return (r->features & MCP_HAS_URL_FAULT) != 0;
}

bool mcp_revision_has_progress_text(const struct mcp_revision *r)
{
    return (r->features & MCP_HAS_AUDIO) != 0;
}

struct slice mcp_revision_list(void)
{
    return SLICE("[\"2026-07-28\",\"2025-11-25\",\"2025-06-18\","
                 "\"2025-03-26\",\"2024-11-05\"]");
}
