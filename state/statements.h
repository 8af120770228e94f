/*
 * statements: every SQL statement of the store, one row each. A connection
 * prepares a row at its first use and keeps it. Columns are read and
 * parameters bound in the order written here (records_*.c).
 */
#ifndef STATE_STATEMENTS_H
#define STATE_STATEMENTS_H

#define SESSION_HEAD                                                           \
    "id,workflow_type,target,status,definition_hash,current_phase,"            \
    "total_phases,version,created_ms,updated_ms,hidden,event_seq,event_hash"
#define SESSION_FILTER                                                         \
    " hidden=0 AND (?1='' OR status=?1) AND (?2='' OR workflow_type=?2)"       \
    " AND (updated_ms>?3 OR status NOT IN ('completed','expired')) "
#define EVENT_COLUMNS "seq,at_ms,type,actor,phase,prev_hash,hash,data"
#define EVIDENCE_COLUMNS "phase,event_seq,at_ms,passed,body,verdict"
#define CLAIM_COLUMNS "phase,task,status,agent,fence,expires_ms"
#define APPROVAL_COLUMNS                                                       \
    "phase,event_seq,status,subject,fields,asked_ms,asked_by,decided_ms,"      \
    "decided_by,channel,comment"

/* X(symbol, sql) */
#define STMT_ROWS(X)                                                           \
    X(BEGIN, "BEGIN")                                                          \
    X(BEGIN_WRITE, "BEGIN IMMEDIATE")                                          \
    X(COMMIT, "COMMIT")                                                        \
    X(ROLLBACK, "ROLLBACK")                                                    \
    X(SAVEPOINT, "SAVEPOINT job")                                              \
    X(RELEASE, "RELEASE job")                                                  \
    X(ROLLBACK_TO, "ROLLBACK TO job")                                          \
    X(VERSION, "PRAGMA user_version")                                          \
    X(SESSION_GET, "SELECT " SESSION_HEAD ",detail FROM sessions WHERE id=?1") \
    X(SESSION_VERSION, "SELECT version FROM sessions WHERE id=?1")             \
    X(SESSION_INSERT,                                                          \
      "INSERT INTO sessions(" SESSION_HEAD ",detail)"                          \
      " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)")               \
    X(SESSION_UPDATE,                                                          \
      "UPDATE sessions SET status=?4,definition_hash=?5,current_phase=?6,"     \
      "total_phases=?7,version=?8,updated_ms=?10,hidden=?11,event_seq=?12,"    \
      "event_hash=?13,detail=?14 WHERE id=?1 AND version=?15")                 \
    X(SESSION_DELETE, "DELETE FROM sessions WHERE id=?1")                      \
    X(SESSION_DELETE_EVENTS, "DELETE FROM events WHERE session_id=?1")         \
    X(SESSION_DELETE_EVIDENCE, "DELETE FROM evidence WHERE session_id=?1")     \
    X(SESSION_DELETE_CLAIMS, "DELETE FROM claims WHERE session_id=?1")         \
    X(SESSION_DELETE_APPROVALS, "DELETE FROM approvals WHERE session_id=?1")   \
    X(SESSION_DELETE_READ, "DELETE FROM reads WHERE session_id=?1")            \
    X(SESSION_DELETE_ANSWERS, "DELETE FROM idempotency WHERE scope=?1")        \
    X(SESSION_FIND, "SELECT " SESSION_HEAD ",detail FROM sessions"             \
                    " WHERE workflow_type=?1 AND target=?2 AND hidden=0"       \
                    " AND status IN ('active','paused','error')"               \
                    " ORDER BY created_ms DESC, rowid DESC LIMIT 1")           \
    X(SESSION_LIST,                                                            \
      "SELECT " SESSION_HEAD " FROM sessions WHERE" SESSION_FILTER             \
      "AND updated_ms<=?4 AND (updated_ms<?4 OR id>?5)"                        \
      " ORDER BY updated_ms DESC, id LIMIT ?6")                                \
    X(SESSION_COUNT, "SELECT count(*) FROM sessions WHERE" SESSION_FILTER)     \
    X(FREE_PAGES, "PRAGMA freelist_count")                                     \
    X(SESSION_TALLY, "SELECT status,count(*) FROM sessions WHERE hidden=0"     \
                     " GROUP BY status")                                       \
    X(SESSION_IDLE,                                                            \
      "SELECT updated_ms,id FROM sessions WHERE hidden=0"                      \
      " AND status IN ('active','paused') AND updated_ms<=?1"                  \
      " AND updated_ms>=?2 AND (updated_ms>?2 OR id<?3)"                       \
      " AND NOT EXISTS(SELECT 1 FROM reads"                                    \
      " WHERE session_id=id AND until_ms>?1)"                                  \
      " ORDER BY updated_ms, id DESC LIMIT ?4")                                \
    X(READ_PUT, "INSERT INTO reads SELECT id,?2 FROM sessions WHERE id=?1"     \
                " ON CONFLICT(session_id) DO UPDATE"                           \
                " SET until_ms=excluded.until_ms")                             \
    X(READ_GET, "SELECT until_ms FROM reads WHERE session_id=?1")              \
    X(SESSION_IDS, "SELECT id FROM sessions WHERE id>?1 ORDER BY id LIMIT ?2") \
    X(SESSION_ORPHANS, "SELECT session_id FROM events WHERE session_id<>''"    \
                       " UNION SELECT session_id FROM evidence"                \
                       " UNION SELECT session_id FROM claims"                  \
                       " UNION SELECT session_id FROM approvals EXCEPT "       \
                       "SELECT id FROM sessions")                              \
    X(EVENT_APPEND, "INSERT INTO events(session_id," EVENT_COLUMNS             \
                    ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)")                    \
    X(EVENT_LIST, "SELECT " EVENT_COLUMNS " FROM events WHERE session_id=?1"   \
                  " AND seq>?2 ORDER BY seq LIMIT ?3")                         \
    X(EVENT_HEAD, "SELECT seq,hash FROM events WHERE session_id=?1"            \
                  " ORDER BY seq DESC LIMIT 1")                                \
    X(EVIDENCE_INSERT, "INSERT INTO evidence(session_id," EVIDENCE_COLUMNS     \
                       ") VALUES(?1,?2,?3,?4,?5,?6,?7)")                       \
    X(EVIDENCE_LIST,                                                           \
      "SELECT " EVIDENCE_COLUMNS " FROM evidence WHERE session_id=?1"          \
      " ORDER BY event_seq, phase")                                            \
    X(EVIDENCE_PASSED,                                                         \
      "SELECT " EVIDENCE_COLUMNS " FROM evidence AS e WHERE session_id=?1"     \
      " AND passed=1 AND event_seq=(SELECT max(event_seq) FROM evidence AS l"  \
      " WHERE l.session_id=?1 AND l.phase=e.phase AND l.passed=1)"             \
      " ORDER BY phase")                                                       \
    X(EVIDENCE_VERDICTS,                                                       \
      "SELECT phase,event_seq,at_ms,passed,'',verdict FROM evidence"           \
      " WHERE session_id=?1 AND event_seq>?2 ORDER BY event_seq LIMIT ?3")     \
    X(EVIDENCE_GET, "SELECT " EVIDENCE_COLUMNS " FROM evidence"                \
                    " WHERE session_id=?1 AND phase=?2 AND event_seq=?3")      \
    X(EVIDENCE_COUNT, "SELECT count(*) FROM evidence WHERE session_id=?1")     \
    X(DEFINITION_GET, "SELECT body FROM definitions WHERE hash=?1")            \
    X(DEFINITION_PUT,                                                          \
      "INSERT INTO definitions(hash,workflow_type,body) VALUES(?1,?2,?3)"      \
      " ON CONFLICT(hash) DO NOTHING")                                         \
    X(IDEMPOTENCY_GET, "SELECT digest,answer,expires_ms,tool,at_ms"            \
                       " FROM idempotency"                                     \
                       " WHERE scope=?1 AND key=?2 AND expires_ms>?3")         \
    X(IDEMPOTENCY_PUT,                                                         \
      "INSERT INTO idempotency(scope,key,digest,answer,expires_ms,tool,at_ms)" \
      " VALUES(?1,?2,?3,?4,?5,?6,?7) ON CONFLICT(scope,key) DO UPDATE SET"     \
      " digest=excluded.digest,answer=excluded.answer,"                        \
      "expires_ms=excluded.expires_ms,tool=excluded.tool,at_ms=excluded.at_ms")\
    X(IDEMPOTENCY_USE, "SELECT answers,bytes FROM idempotency_use"             \
                       " WHERE scope=?1")                                      \
    X(IDEMPOTENCY_DROP_OF,                                                     \
      "DELETE FROM idempotency WHERE scope=?1 AND key=(SELECT key FROM"        \
      " idempotency WHERE scope=?1 AND key<>?2 ORDER BY expires_ms LIMIT 1)")  \
    X(IDEMPOTENCY_DROP,                                                        \
      "DELETE FROM idempotency WHERE (scope,key) IN (SELECT scope,key FROM"    \
      " idempotency WHERE scope<>?1 OR key<>?2 ORDER BY expires_ms LIMIT 1)")  \
    X(IDEMPOTENCY_DUE, "SELECT 1 FROM idempotency WHERE expires_ms<=?1"        \
                       " LIMIT 1")                                             \
    X(IDEMPOTENCY_SWEEP,                                                       \
      "DELETE FROM idempotency WHERE (scope,key) IN (SELECT scope,key FROM"    \
      " idempotency WHERE expires_ms<=?1 ORDER BY expires_ms LIMIT ?2)")       \
    X(CLAIM_GET, "SELECT " CLAIM_COLUMNS " FROM claims"                        \
                 " WHERE session_id=?1 AND phase=?2 AND task=?3")              \
    X(CLAIM_PUT,                                                               \
      "INSERT INTO claims(session_id," CLAIM_COLUMNS                           \
      ") VALUES(?1,?2,?3,?4,?5,?6,?7) ON CONFLICT(session_id,phase,task)"      \
      " DO UPDATE SET status=excluded.status,agent=excluded.agent,"            \
      "fence=excluded.fence,expires_ms=excluded.expires_ms"                    \
      " WHERE excluded.fence>=claims.fence")                                   \
    X(CLAIM_LIST, "SELECT " CLAIM_COLUMNS " FROM claims WHERE session_id=?1"   \
                  " ORDER BY phase,task")                                      \
    X(APPROVAL_PUT,                                                            \
      "INSERT INTO approvals(session_id," APPROVAL_COLUMNS                     \
      ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)"                       \
      " ON CONFLICT(session_id,phase) DO UPDATE SET"                           \
      " event_seq=excluded.event_seq,status=excluded.status,"                  \
      "subject=excluded.subject,fields=excluded.fields,"                       \
      "asked_ms=excluded.asked_ms,asked_by=excluded.asked_by,"                 \
      "decided_ms=excluded.decided_ms,decided_by=excluded.decided_by,"         \
      "channel=excluded.channel,comment=excluded.comment")                     \
    X(APPROVAL_LIST,                                                           \
      "SELECT " APPROVAL_COLUMNS " FROM approvals WHERE session_id=?1"         \
      " ORDER BY phase")                                                       \
    X(APPROVAL_OPEN,                                                           \
      "SELECT session_id," APPROVAL_COLUMNS " FROM approvals AS a"             \
      " WHERE status='pending' AND (asked_ms,session_id,phase)>(?1,?2,?3)"     \
      " AND EXISTS(SELECT 1 FROM sessions AS s WHERE s.id=a.session_id"        \
      " AND s.hidden=0 AND s.status IN ('active','paused')"                    \
      " AND (?4='' OR s.workflow_type=?4))"                                    \
      " ORDER BY asked_ms,session_id,phase LIMIT ?5")

enum st_stmt {
#define STMT_ENUM(symbol, sql) STMT_##symbol,
    STMT_ROWS(STMT_ENUM)
#undef STMT_ENUM
        STMT_COUNT
};

#endif
