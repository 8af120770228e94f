/*
 * trust_shipped: the content of the workflows that come with the program, as
 * they were when it was built; a test holds this table to the files.
 */
#ifndef ENGINE_TRUST_SHIPPED_H
#define ENGINE_TRUST_SHIPPED_H

static const char *const trust_shipped[] = {
    "67413cd0954f9d27e0ced247dce458e4af73df8cefa897056936dcdd729912fb", /* dependency_upgrade_v1 */
    "0d73dfdc11346742003abb88fa628ecfc83a8db0644bca28138e7c63b4a3c04b", /* bugfix_v1 */
};

#endif
