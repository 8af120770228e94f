/* urcu_table: liburcu's lock-free hash table (cds_lfht) behind a door of its
 * own, for benchmarks. Without liburcu-dev there is none. */
#ifndef TESTS_URCU_TABLE_H
#define TESTS_URCU_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct urcu_table;
struct urcu_table *urcu_table_new(void);
/* `key` is kept, not copied. */
void urcu_table_put(struct urcu_table *t, const char *key, size_t n,
                    uint64_t hash);
/* This thread begins, or ends, to read. */
void urcu_table_thread(bool begins);
const void *urcu_table_get(struct urcu_table *t, const char *key, size_t n,
                           uint64_t hash);

#endif
