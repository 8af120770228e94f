#!/bin/sh
# Draws up docs/METRICS.md from what a server says of its own metrics. From the
# root of the repository, while one runs:
#   curl -fsS http://127.0.0.1:4242/metrics | docs/metrics-md.sh > docs/METRICS.md
exec awk '
BEGIN {
    print "# Metrics\n"
    print "Written by `docs/metrics-md.sh` from `/metrics` (Prometheus text). Alerts on them, and what to do at each: [DEPLOYMENT.md](DEPLOYMENT.md),"
    print "[alerts.yml](../packaging/prometheus/alerts.yml).\n"
    print "| metric | kind | what it is | labels |\n|---|---|---|---|"
}
function row() {
    if (name != "") printf "| `%s` | %s | %s | %s |\n", name, kind, help, labels
    name = ""
}
$2 == "HELP" { row(); name = $3; labels = ""; split("", had)
    help = $0; sub(/^# HELP [^ ]+ /, "", help) }
$2 == "TYPE" { kind = $4 }
!/^#/ && match($0, /\{.*\} /) {
    rest = substr($0, RSTART + 1, RLENGTH - 3)
    while (match(rest, /[a-z_]+="[^"]*"/)) {
        pair = substr(rest, RSTART, RLENGTH); rest = substr(rest, RSTART + RLENGTH)
        sub(/=.*/, "", pair)
        if (pair == "le" || pair in had) continue
        had[pair] = 1; labels = labels (labels == "" ? "" : ", ") pair
    }
}
END { row() }'
