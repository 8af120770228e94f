/*
 * trust_shipped: the content of the workflows that come with the program, as
 * they were when it was built; a test holds this table to the files.
 */
#ifndef ENGINE_TRUST_SHIPPED_H
#define ENGINE_TRUST_SHIPPED_H

static const char *const trust_shipped[] = {
    "-", /* dependency_upgrade_v1 */
    "-", /* bugfix_v1 */
};

#endif
