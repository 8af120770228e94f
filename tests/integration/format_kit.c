#include "tests/integration/format_kit.h"

#include <stdarg.h>

#include "base/file.h"

void format_copy(const char *project, const char *real, const char *to)
{
    struct slice from =
        arena_printf(test_arena(), "%s/real/%s", test_shared_dir(), real);
    struct slice at = arena_printf(test_arena(), "%s/%s", project, to);
    size_t slash = at.n;
    while (at.p[slash - 1] != '/') slash--;
    CHECK_OK(path_make(slice_sub(at, 0, slash - 1), 0755));
    struct ended e = program_run(&(struct program){
        .binary = "/bin/cp",
        .args = (const char *const[]){"-rL", from.p, at.p, NULL}});
    CHECK_INT_EQ(e.status, 0);
}

struct server *format_serve(const char *const *more)
{
    const char *project = new_project("format");
    format_copy(project, "workflows", ".phasegate/workflows");
    return server_start(
        &(struct server_options){.project = project, .args = more});
}

void format_edit(struct server *s, const char *file, const char *from,
                 const char *to)
{
    struct slice name =
        arena_printf(test_arena(), ".phasegate/workflows/%s", file);
    struct slice was = get_file(server_project(s), name.p);
    size_t at = slice_find(was, slice_of(from));
    CHECK_INT_LT(at, was.n);
    struct slice rest = slice_sub(was, at + strlen(from), was.n);
    put_file(server_project(s), name.p,
             arena_printf(test_arena(), "%.*s%s%.*s", (int)at, was.p, to,
                          SLICE_ARG(rest))
                 .p);
}

const struct json *format_call(struct server *s, const char *tool,
                               const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct slice args = arena_vprintf(test_arena(), fmt, ap);
    va_end(ap);
    return json_get(stdio_tool(s, tool, args.p), SLICE("structuredContent"));
}

const char *format_start(struct server *s, const char *type,
                         const char *target, const char *options)
{
    const struct json *v = format_call(
        s, "start_workflow",
        "{\"workflow_type\":\"%s\",\"target\":\"%s\"%s%s}", type, target,
        options ? ",\"options\":" : "", options ? options : "");
    CHECK_TEXT_EQ(format_detail(v), "");
    return arena_cstr(test_arena(), AT_TEXT(v, "session_id"));
}

const struct json *format_complete(struct server *s, const char *id,
                                   int64_t phase, const char *evidence)
{
    return format_call(s, "complete_phase",
                       "{\"session_id\":\"%s\",\"phase\":%d,\"evidence\":%s}",
                       id, (int)phase, evidence);
}

struct slice format_detail(const struct json *v)
{
    return AT_TEXT(v, "error", "detail");
}

static const struct {
    const char *type;
    int64_t phase;
    const char *evidence;
} good[] = {
    {"spec_creation_v1", 0,
     "{\"spec_directory_created\":true,\"supporting_docs_directory_exists\":"
     "true,\"documents_processed\":true,\"index_created\":true,"
     "\"insights_extracted\":true,\"mode_documented\":true,"
     "\"cross_reference_complete\":true}"},
    {"spec_execution_v1", 0,
     "{\"spec_structure_validated\":true,\"phases_extracted\":true,"
     "\"tasks_parsed\":true,\"dependencies_mapped\":true,"
     "\"standards_queried\":true,\"execution_plan_complete\":true}"},
    {"workflow_creation_v1", 0,
     "{\"input_type\":\"design_document\",\"input_document_read\":true,"
     "\"design_document_converted\":true,\"standard_definition_path\":"
     "\"definition.yaml\",\"yaml_syntax_valid\":true}"},
    {"workflow_creation_v1", 1,
     "{\"definition_path\":\"definition.yaml\",\"definition_valid\":true,"
     "\"total_target_phases\":5,\"total_target_tasks\":34}"},
    {"workflow_creation_v1", 2,
     "{\"workflow_directory_path\":\".praxis-os/workflows/x_v1/\","
     "\"phase_directories_count\":5,\"metadata_json_created\":true,"
     "\"scaffolding_verified\":true}"},
    {"workflow_creation_v1", 4,
     "{\"phase_files_created\":5,\"task_files_created\":34,"
     "\"total_files_expected\":39,\"all_phases_populated\":true}"},
    {"workflow_creation_v1", 5,
     "{\"dry_run_successful\":true,\"usability_issues_count\":0,"
     "\"refinements_applied\":true,\"usage_guide_created\":true,"
     "\"final_compliance_passed\":true,\"content_quality_passed\":true,"
     "\"content_quality_compliance_percent\":97,\"generic_content_detected\":"
     "false,\"human_approved\":true}"},
};

/* Of the other phases every field is true: as the gate on disk names them. */
static const char *all_true(const char *type, int64_t phase)
{
    struct slice path = arena_printf(
        test_arena(), "%s/real/workflows/%s/phases/%d/gate-definition.yaml",
        test_shared_dir(), type, (int)phase);
    struct slice text, line;
    struct buf b = BUF_INIT(1 << 16);
    bool inside = false;
    CHECK_OK(file_read(path, 1 << 20, test_arena(), &text));
    while (slice_split(&text, '\n', &line)) {
        bool top = line.n && line.p[0] != ' ' && line.p[0] != '#';
        if (top) inside = slice_starts(line, SLICE("evidence_schema:"));
        bool field = inside && line.n > 3 && slice_starts(line, SLICE("  ")) &&
                     line.p[2] != ' ' && line.p[2] != '#';
        if (!field) continue;
        buf_printf(&b, "%s\"%.*s\":true", b.n ? "," : "{",
                   (int)slice_find_byte(line, ':') - 2, line.p + 2);
    }
    buf_putc(&b, '}');
    const char *all = arena_cstr(test_arena(), buf_slice(&b));
    buf_done(&b);
    return all;
}

const char *format_good(const char *type, int64_t phase)
{
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (good[i].phase == phase &&
            slice_eq(slice_of(good[i].type), slice_of(type)))
            return good[i].evidence;
    return all_true(type, phase);
}
