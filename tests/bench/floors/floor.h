/*
 * floor: what the floor programs share. Each does only what cannot be avoided
 * for one kind of work, in one file; the benchmarks measure phasegate beside
 * it in the same run. A program says on stdout, in its first line, the port it
 * listens on or "ready", and ends with its stdin.
 */
#ifndef TESTS_FLOOR_H
#define TESTS_FLOOR_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct floor_text {
    char *p;
    size_t n;
};

static inline _Noreturn void floor_die(const char *what)
{
    perror(what);
    exit(1);
}

/* The answer is given, so that it has as many bytes as that of the server it
 * is measured beside. */
static inline struct floor_text floor_file(int argc, char **argv)
{
    struct floor_text t = {0};
    FILE *f = argc > 1 ? fopen(argv[1], "re") : NULL;
    size_t room = 1 << 20;
    if (!f) floor_die("the answer's file");
    t.p = malloc(room);
    if (!t.p) floor_die("memory");
    t.n = fread(t.p, 1, room, f);
    fclose(f);
    return t;
}

#endif
