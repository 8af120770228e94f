/*
 * index_private: a connection to the index file and its statements. Private
 * to state/index*.c.
 *
 * A connection belongs to one thread at a time: to the view or the write that
 * took it. The first failure is kept in `err`; later calls do nothing.
 */
#ifndef STATE_INDEX_PRIVATE_H
#define STATE_INDEX_PRIVATE_H

#include <sqlite3.h>

#include "base/lock.h"
#include "state/index.h"

#define INDEX_VERSION 2
#define INDEX_APPLICATION 0x70676978 /* "pgix" */

/* A text's id holds its length, a passage's its text, its place and its
 * length: ranking then asks the file for no lengths. Lengths are kept to an
 * eighth of an octave, which is as much as ranking can use. */
enum { LENGTH_BITS = 8, ORDINAL_BITS = 24, LENGTHS_PER_OCTAVE = 8 };
enum { INDEX_KNOWN_WORDS = 1 << 14 };

#define INDEX_STMT_ROWS(X)                                                     \
    X(BEGIN, "BEGIN")                                                          \
    X(BEGIN_WRITE, "BEGIN IMMEDIATE")                                          \
    X(COMMIT, "COMMIT")                                                        \
    X(ROLLBACK, "ROLLBACK")                                                    \
    X(STATE, "SELECT file, revision, docs, tokens, vectors FROM state")        \
    X(STATE_ADD, "UPDATE state SET docs = docs + ?1, tokens = tokens + ?2")    \
    X(STATE_NEXT, "UPDATE state SET revision = revision + 1")                  \
    X(DOCS, "SELECT id, path, stamp, hash FROM docs WHERE root = ?1 "          \
            "ORDER BY path")                                                   \
    X(DOC_NEXT, "SELECT coalesce(max(id) >> 8, 0) + 1 FROM docs")              \
    X(DOC_NAMED, "SELECT id FROM docs WHERE root = ?1 AND path = ?2")          \
    X(DOC, "SELECT root, path, title, keywords, tokens FROM docs "             \
           "WHERE id = ?1")                                                    \
    X(DOC_PUT, "INSERT INTO docs(id, root, path, title, keywords, tokens, "    \
               "stamp, hash) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")          \
    X(DOC_STAMP, "UPDATE docs SET stamp = ?2 WHERE id = ?1")                   \
    X(DOC_DELETE, "DELETE FROM docs WHERE id = ?1")                            \
    X(TAG_PUT, "INSERT OR IGNORE INTO tags(tag, doc) VALUES(?1, ?2)")          \
    X(TAGS_DELETE, "DELETE FROM tags WHERE doc = ?1")                          \
    X(PASSAGE_PUT,                                                             \
      "INSERT INTO passages(id, section, headings, text, tokens, line, phase, " \
      "hash) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")                          \
    X(PASSAGES, "SELECT id, headings, text FROM passages "                     \
                "WHERE id BETWEEN ?1 AND ?2")                                  \
    X(PASSAGE, "SELECT section, headings, text, tokens, line, phase "          \
               "FROM passages WHERE id = ?1")                                  \
    X(PASSAGES_DELETE, "DELETE FROM passages WHERE id BETWEEN ?1 AND ?2")      \
    X(DOC_WORDS_PUT, "INSERT INTO doc_words(rowid, path, title, headings, "    \
                     "keywords, body) VALUES(?1, ?2, ?3, ?4, ?5, ?6)")         \
    X(DOC_WORDS_DELETE,                                                        \
      "INSERT INTO doc_words(doc_words, rowid, path, title, headings, "        \
      "keywords, body) VALUES('delete', ?1, ?2, ?3, ?4, ?5, ?6)")              \
    X(PASSAGE_WORDS_PUT,                                                       \
      "INSERT INTO passage_words(rowid, headings, body) VALUES(?1, ?2, ?3)")   \
    X(PASSAGE_WORDS_DELETE,                                                    \
      "INSERT INTO passage_words(passage_words, rowid, headings, body) "       \
      "VALUES('delete', ?1, ?2, ?3)")                                          \
    X(POSTINGS, "SELECT rowid, note(doc_words) FROM doc_words "                \
                "WHERE doc_words MATCH ?1 LIMIT ?2")                           \
    X(HITS, "SELECT rowid, note(passage_words) FROM passage_words "            \
            "WHERE passage_words MATCH ?1 AND rowid BETWEEN ?2 AND ?3 "        \
            "LIMIT 65000")                                                     \
    X(WORD_PUT, "INSERT OR IGNORE INTO spelling(word) VALUES(?1)")             \
    X(WORD_GRAMS_PUT, "INSERT INTO spelling_grams(rowid, word) "               \
                      "VALUES(last_insert_rowid(), ?1)")                       \
    X(WORDS_NEAR, "SELECT word FROM spelling WHERE id IN (SELECT rowid FROM "  \
                  "spelling_grams WHERE spelling_grams MATCH ?1 LIMIT 5000)")  \
    X(VECTORS_NEXT, "UPDATE state SET vectors = vectors + 1")                  \
    X(VECTOR_PUT, "INSERT OR REPLACE INTO vectors(hash, model, value) "        \
                  "VALUES(?1, ?2, ?3)")                                        \
    X(VECTORS_OLD, "DELETE FROM vectors WHERE hash NOT IN "                    \
                   "(SELECT hash FROM passages)")                              \
    X(VECTORS, "SELECT p.id, v.value FROM passages p JOIN vectors v "          \
               "ON v.hash = p.hash AND v.model = ?1")                          \
    X(VECTORLESS, "SELECT hash, headings, text FROM passages p WHERE NOT "     \
                  "EXISTS(SELECT 1 FROM vectors v WHERE v.hash = p.hash AND "  \
                  "v.model = ?1) GROUP BY hash LIMIT ?2")                      \
    X(DOC_NUMBERED, "SELECT id FROM docs WHERE id BETWEEN ?1 AND ?2")          \
    X(ROOT_AFTER, "SELECT root FROM docs WHERE root > ?1 ORDER BY root "       \
                  "LIMIT 1")                                                   \
    X(OF_ROOT, "SELECT id FROM docs WHERE root = ?1 ORDER BY id")              \
    X(OF_TAG, "SELECT doc FROM tags WHERE tag = ?1 ORDER BY doc")              \
    X(OF_PHASE, "SELECT id FROM docs WHERE id >> 8 IN "                        \
                "(SELECT id >> 32 FROM passages WHERE phase = ?1)")            \
    X(OF_PATH, "SELECT id FROM docs WHERE substr(path, 1, ?2) = ?1 "           \
               "ORDER BY id")

enum index_stmt {
#define INDEX_STMT_ENUM(symbol, text) INDEX_##symbol,
    INDEX_STMT_ROWS(INDEX_STMT_ENUM)
#undef INDEX_STMT_ENUM
        INDEX_STMT_COUNT
};

/* What FTS5 tells about the row it stands on; filled by note(). */
struct index_note {
    uint16_t count[ST_COLUMN_COUNT]; /* of the first term */
    struct st_hit hit;
};

struct index_tokenizer {
    fts5_tokenizer calls;
    Fts5Tokenizer *self;
};

struct index_conn {
    struct st_index *index;
    sqlite3 *db;
    sqlite3_stmt *stmt[INDEX_STMT_COUNT];
    struct index_tokenizer stems, plain;
    struct index_note note;
    struct st_index_state state; /* of the view */
    uint64_t *known;             /* a write's: hashes of words that are there */
    const struct cancel *cancel;
    bool changed;    /* texts, since the last commit */
    uint64_t remade; /* the index's count when this was opened */
    enum err err;
    bool writes;
    struct index_conn *next;
};

/* Both are their connection. */
struct st_index_view {
    struct index_conn conn;
};
struct st_index_write {
    struct index_conn conn;
};

/* state/index_file.c: a connection to the file that is there now, opened anew
 * when it was replaced, removed or found damaged; and back. */
MUST_USE enum err index__take(struct st_index *x, struct index_conn **ret);
void index__give(struct index_conn *c);

/* SQLite's code as ours; keeps the first, and that the file is damaged. */
enum err index__fail(struct index_conn *c, int rc);
/* The statement, ready to be bound; NULL after a failure. */
sqlite3_stmt *index__begin(struct index_conn *c, enum index_stmt which);
void index__text(struct index_conn *c, sqlite3_stmt *st, int at,
                 struct slice s);
void index__blob(struct index_conn *c, sqlite3_stmt *st, int at,
                 struct slice s);
void index__int(struct index_conn *c, sqlite3_stmt *st, int at, int64_t v);
/* False: no more, or failed. */
bool index__row(struct index_conn *c, sqlite3_stmt *st);
struct slice index__get(struct index_conn *c, sqlite3_stmt *st, int column,
                        struct arena *a);
/* Runs what gives no rows. */
void index__run(struct index_conn *c, sqlite3_stmt *st);
/* Needed after every begin; NULL is fine. */
void index__end(sqlite3_stmt *st);
/* Room for one more in an arena array; NULL fails the connection. */
void *index__grow(struct index_conn *c, struct arena *a, void *items,
                  size_t size, size_t count, size_t *capacity);

/* state/index_words.c: note() and the tokenizers of a new connection. */
MUST_USE enum err index__words_open(struct index_conn *c);
void index__words_close(struct index_conn *c);

#endif
