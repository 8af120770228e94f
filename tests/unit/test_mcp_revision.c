#include "mcp/revision.h"

#include "base/buf.h"
#include "base/file.h"
#include "mcp/fault.h"
#include "tests/runner/test.h"

TEST(mcp_revision, the_list_is_the_table)
{
    struct buf b = BUF_INIT(4096);
    for (size_t i = 0; i < MCP_REV_COUNT; i++) {
        CHECK_INT_EQ(mcp_revisions[i].rev, i);
        buf_printf(&b, "%s\"%.*s\"", i ? "," : "[",
                   SLICE_ARG(mcp_revisions[i].version));
    }
    buf_putc(&b, ']');
    CHECK_SLICE_EQ(buf_slice(&b), mcp_revision_list());
    buf_done(&b);
}

TEST(mcp_revision, modern_errors_carry_no_legacy_code_and_the_reverse)
{
    for (int k = MCP_FAULT_PARSE; k < MCP_FAULT_COUNT; k++) {
        int code =
            mcp_fault_code((enum mcp_fault_kind)k, mcp_revision_modern());
        CHECK(code != -32002 && code != 0);
        CHECK((code == -32042) == (k == MCP_FAULT_URL)); /* 2025-11-25 alone */
        CHECK(mcp_fault((enum mcp_fault_kind)k, SLICE("")).message.n > 0);
    }
}

/* --- the rule that keeps revisions in two places -------------------------- */

static bool may_test_features(struct slice name)
{
    return slice_starts(name, SLICE("reply")) ||
           slice_starts(name, SLICE("revision"));
}

static void check_folder(const char *folder)
{
    struct arena *a = test_arena();
    struct slice path =
        path_join(a, slice_of(test_source_dir()), slice_of(folder));
    struct file_name *files;
    size_t count, seen = 0;
    CHECK_OK(folder_list(path, 1000, a, &files, &count));
    for (size_t i = 0; i < count; i++) {
        struct slice text;
        if (files[i].folder || may_test_features(files[i].name)) continue;
        CHECK_OK(
            file_read(path_join(a, path, files[i].name), 1 << 20, a, &text));
        if (slice_find(text, SLICE("MCP_HAS_")) < text.n ||
            slice_find(text, SLICE("->features")) < text.n)
            FAIL("%s/%.*s tests a feature bit: add to mcp/reply.h instead",
                 folder, SLICE_ARG(files[i].name));
        seen++;
    }
    CHECK_INT_GT(seen, 0);
}

TEST(mcp_revision, feature_bits_are_tested_in_the_reply_writer_only)
{
    check_folder("mcp");
    check_folder("mcp/tools");
    check_folder("transport");
}
