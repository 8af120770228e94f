/* metrics_calls: requests and their latency, limits that were met, and
 * connections, read when somebody scrapes. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "cli/health.h"
#include "mcp/meter.h"
#include "mcp/server.h"

void cli__metrics_histogram(struct buf *out, const char *name,
                            struct slice labels, const struct histogram_sum *h)
{
    uint64_t below = 0;
    const char *comma = labels.n ? "," : "";
    for (int i = 0; i < HISTOGRAM_BOUNDS; i++) {
        below += h->count[i];
        buf_printf(out, "%s_bucket{%.*s%sle=\"%g\"} %" PRIu64 "\n", name,
                   SLICE_ARG(labels), comma,
                   (double)histogram_bounds[i] / (double)NS_PER_S, below);
    }
    buf_printf(out, "%s_bucket{%.*s%sle=\"+Inf\"} %" PRIu64 "\n", name,
               SLICE_ARG(labels), comma, h->total);
    buf_printf(out, "%s_sum%s%.*s%s ", name, labels.n ? "{" : "",
               SLICE_ARG(labels), labels.n ? "}" : "");
    cli__metrics_seconds(out, (int64_t)h->sum_ns);
    buf_printf(out, "%s_count%s%.*s%s %" PRIu64 "\n", name, labels.n ? "{" : "",
               SLICE_ARG(labels), labels.n ? "}" : "", h->total);
}

static struct slice labels_of(const struct mcp_meter_row *r, char room[256])
{
    int n = r->tool.n ? snprintf(room, 256, "tool=\"%.*s\"", SLICE_ARG(r->tool))
                      : snprintf(room, 256, "method=\"%.*s\",revision=\"%.*s\"",
                                 SLICE_ARG(r->method), SLICE_ARG(r->revision));
    return (struct slice){room, n > 0 && n < 256 ? (size_t)n : 0};
}

static void write_took(struct buf *out, const char *name, struct slice labels,
                       const struct mcp_meter_row *r)
{
    cli__metrics_histogram(out, name, labels, &r->took);
}

static void write_faults(struct buf *out, const char *name, struct slice labels,
                         const struct mcp_meter_row *r)
{
    buf_printf(out, "%s{%.*s} %" PRIu64 "\n", name, SLICE_ARG(labels),
               r->faults);
}

static void write_refused(struct buf *out, const char *name,
                          struct slice labels, const struct mcp_meter_row *r)
{
    buf_printf(out, "%s{%.*s} %" PRIu64 "\n", name, SLICE_ARG(labels),
               r->refused);
}

/* A family at a time: of methods or of tools. What nobody asked for has no
 * line. */
static const struct call_family {
    const char *name, *type, *help;
    bool tools;
    void (*write)(struct buf *out, const char *name, struct slice labels,
                  const struct mcp_meter_row *r);
} families[] = {
    {"phasegate_request_seconds", "histogram",
     "Requests from arrival to answer.", false, write_took},
    {"phasegate_request_faults_total", "counter",
     "Requests answered with a JSON-RPC error.", false, write_faults},
    {"phasegate_call_seconds", "histogram",
     "Calls of tools from arrival to answer.", true, write_took},
    {"phasegate_call_refused_total", "counter",
     "Calls that a tool answered with an error.", true, write_refused},
};

static void requests(const struct mcp_server *s, struct buf *out)
{
    char room[256];
    size_t rows = mcp_meter_rows(s);
    for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
        const struct call_family *row = &families[f];
        cli__metrics_family(out, row->name, row->type, row->help);
        for (size_t i = 0; i < rows; i++) {
            struct mcp_meter_row r;
            mcp_meter_read(s, i, &r);
            if (r.took.total && (r.tool.n > 0) == row->tools)
                row->write(out, row->name, labels_of(&r, room), &r);
        }
    }
}

/* --- limits --------------------------------------------------------------- */

static const char *cause_name(int cause)
{
    static const char *const names[] = {[CANCEL_NONE] = "none",
                                        [CANCEL_CLIENT] = "client",
                                        [CANCEL_CONNECTION] = "connection",
                                        [CANCEL_DEADLINE] = "deadline",
                                        [CANCEL_SHUTDOWN] = "shutdown"};
    bool known = (size_t)cause < sizeof(names) / sizeof(names[0]);
    return known ? names[cause] : "other";
}

static void limits(const struct mcp_server_stats *s, struct buf *out)
{
    cli__metrics_family(out, "phasegate_deadlines_total", "counter",
                        "Limits that ended a call or a wait.");
    for (int i = 0; i < MCP_LIMIT_COUNT; i++)
        buf_printf(out, "phasegate_deadlines_total{level=\"%s\"} %" PRIu64 "\n",
                   mcp_limit_name((enum mcp_limit)i), s->deadlines[i]);
    cli__metrics_family(out, "phasegate_cancelled_total", "counter",
                        "Calls that were cancelled.");
    for (int i = CANCEL_NONE + 1; i < CANCEL_CAUSE_COUNT; i++)
        buf_printf(out, "phasegate_cancelled_total{cause=\"%s\"} %" PRIu64 "\n",
                   cause_name(i), s->cancelled[i]);
    cli__metrics_family(out, "phasegate_calls_abandoned", "gauge",
                        "Calls answered that still run.");
    buf_printf(out, "phasegate_calls_abandoned %u\n", s->abandoned);
    cli__metrics_family(out, "phasegate_calls_abandoned_total", "counter",
                        "Calls answered while they ran on.");
    buf_printf(out, "phasegate_calls_abandoned_total %" PRIu64 "\n",
               s->abandoned_total);
    cli__metrics_family(out, "phasegate_progress_total", "counter",
                        "Notices of progress.");
    buf_printf(out, "phasegate_progress_total %" PRIu64 "\n", s->progress);
    cli__metrics_family(out, "phasegate_coalesce_calls_total", "counter",
                        "Calls that may share a run.");
    buf_printf(out,
               "phasegate_coalesce_calls_total{result=\"leader\"} %" PRIu64 "\n"
               "phasegate_coalesce_calls_total{result=\"joined\"} %" PRIu64 "\n"
               "phasegate_coalesce_calls_total{result=\"refused\"} %" PRIu64
               "\n",
               s->led, s->joined, s->duplicates);
    cli__metrics_family(out, "phasegate_peers", "gauge",
                        "Counterparts: stdio and each HTTP connection.");
    buf_printf(out, "phasegate_peers %u\n", s->peers);
    cli__metrics_family(out, "phasegate_coalesce_flights", "gauge",
                        "Runs that others may join.");
    buf_printf(out, "phasegate_coalesce_flights %u\n", s->flights);
}

/* --- connections ---------------------------------------------------------- */

/* stdin is one stream; a request's answer may become one. */
static void connections_open(const struct cli_facts *f, struct buf *out)
{
    const struct tp_http_stats *s = &f->http;
    cli__metrics_family(out, "phasegate_connections", "gauge",
                        "Open connections.");
    buf_printf(
        out,
        "phasegate_connections{transport=\"http\",kind=\"request\"} %u\n"
        "phasegate_connections{transport=\"http\",kind=\"stream\"} %u\n"
        "phasegate_connections{transport=\"stdio\",kind=\"stream\"} %u\n",
        s->open > s->streams ? s->open - s->streams : 0, s->streams, f->stdio);
}

static const char *closed_reason(int i)
{
    return tp_closed_name((enum tp_closed)i);
}

static const char *refused_reason(int i)
{
    return tp_refused_name((enum tp_refused)i);
}

static void by_reason(struct buf *out, const char *name, const char *help,
                      const char *(*reason)(int), const uint64_t *n, int count)
{
    cli__metrics_family(out, name, "counter", help);
    for (int i = 0; i < count; i++)
        buf_printf(out, "%s{reason=\"%s\"} %" PRIu64 "\n", name, reason(i),
                   n[i]);
}

static void connections(const struct tp_http_stats *s, struct buf *out)
{
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } rows[] = {
        {"phasegate_connections_opened_total", "counter",
         "HTTP connections accepted.", s->opened},
        {"phasegate_http_requests_total", "counter", "HTTP requests.",
         s->requests},
        {"phasegate_streams", "gauge",
         "HTTP answers that are streams of events.", s->streams},
        {"phasegate_feeds", "gauge", "Open streams of the dashboard.",
         s->feeds},
        {"phasegate_feeds_dropped_total", "counter",
         "Streams closed because nobody read them.", s->feeds_dropped},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cli__metrics_family(out, rows[i].name, rows[i].type, rows[i].help);
        buf_printf(out, "%s %" PRIu64 "\n", rows[i].name, rows[i].value);
    }
    by_reason(out, "phasegate_connections_closed_total",
              "HTTP connections closed, by why.", closed_reason, s->closed,
              TP_CLOSED_COUNT);
    by_reason(out, "phasegate_connections_refused_total",
              "HTTP connections refused, by the limit they met.",
              refused_reason, s->refused, TP_REFUSED_COUNT);
    cli__metrics_family(out, "phasegate_connections_oldest_idle_seconds",
                        "gauge", "Of the connection idle for the longest.");
    buf_puts(out, "phasegate_connections_oldest_idle_seconds ");
    cli__metrics_seconds(out, s->oldest_idle_ns);
}

/* --- what was committed --------------------------------------------------- */

static void gates(const struct eng_facts *f, struct buf *out)
{
    cli__metrics_family(out, "phasegate_gates_total", "counter",
                        "Gates judged, by how it ended.");
    buf_printf(out,
               "phasegate_gates_total{result=\"passed\"} %" PRIu64 "\n"
               "phasegate_gates_total{result=\"refused\"} %" PRIu64 "\n"
               "phasegate_gates_total{result=\"asked\"} %" PRIu64 "\n",
               f->tally[ENG_TALLY_phase_completed],
               f->tally[ENG_TALLY_gate_refused],
               f->tally[ENG_TALLY_approval_requested]);
    cli__metrics_family(out, "phasegate_events_total", "counter",
                        "Events committed by this process.");
    for (int i = 0; i < ENG_TALLY_COUNT; i++)
        buf_printf(out, "phasegate_events_total{type=\"%s\"} %" PRIu64 "\n",
                   eng_tally_name((enum eng_tally_row)i), f->tally[i]);
}

void cli_metrics_live(const struct cli_facts *f, const struct mcp_server *mcp,
                      struct buf *out)
{
    requests(mcp, out);
    limits(&f->mcp, out);
    connections_open(f, out);
    if (f->http.open_max) connections(&f->http, out);
    gates(&f->engine, out);
    if (!f->engine.has_store) return;
    cli__metrics_family(out, "phasegate_commit_seconds", "histogram",
                        "Commits, each of several writes.");
    cli__metrics_histogram(out, "phasegate_commit_seconds", (struct slice){0},
                           &f->engine.store.commit);
}
