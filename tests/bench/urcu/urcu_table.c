#include "tests/bench/urcu/urcu_table.h"

#include <stdlib.h>
#include <string.h>

#define _LGPL_SOURCE
#include <urcu/urcu-memb.h>
/* after the flavour it is to use */
#include <urcu/rculfhash.h>

struct urcu_table {
    struct cds_lfht *ht;
};

struct node {
    struct cds_lfht_node at;
    const char *key;
    size_t n;
};

struct wanted {
    const char *key;
    size_t n;
};

struct urcu_table *urcu_table_new(void)
{
    struct urcu_table *t = calloc(1, sizeof *t);
    urcu_memb_register_thread();
    t->ht = cds_lfht_new_flavor(2048, 2048, 0, CDS_LFHT_AUTO_RESIZE,
                                &urcu_memb_flavor, NULL);
    return t;
}

void urcu_table_put(struct urcu_table *t, const char *key, size_t n,
                    uint64_t hash)
{
    struct node *node = calloc(1, sizeof *node);
    cds_lfht_node_init(&node->at);
    node->key = key;
    node->n = n;
    urcu_memb_read_lock();
    cds_lfht_add(t->ht, (unsigned long)hash, &node->at);
    urcu_memb_read_unlock();
}

void urcu_table_thread(bool begins)
{
    if (begins)
        urcu_memb_register_thread();
    else
        urcu_memb_unregister_thread();
}

static int same(struct cds_lfht_node *at, const void *key)
{
    const struct node *node = (const struct node *)(const void *)at;
    const struct wanted *w = key;
    return node->n == w->n && memcmp(node->key, w->key, w->n) == 0;
}

const void *urcu_table_get(struct urcu_table *t, const char *key, size_t n,
                           uint64_t hash)
{
    struct cds_lfht_iter iter;
    struct wanted w = {key, n};
    urcu_memb_read_lock();
    cds_lfht_lookup(t->ht, (unsigned long)hash, same, &w, &iter);
    const void *found = cds_lfht_iter_get_node(&iter);
    urcu_memb_read_unlock();
    return found;
}
