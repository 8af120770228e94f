/*
 * `phasegate doctor` against faults of the machine: a full disk, limits of
 * the kernel, one who keeps a lock, a file of an older version. They are real
 * ones, planted in name spaces of the test's own; the advice is typed as it
 * is printed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state/store_private.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"

static struct ended shell(const char *folder, const char *script)
{
    struct slice program =
        arena_printf(test_arena(), "PHASEGATE=%s", test_binary());
    struct slice home = arena_printf(test_arena(), "HOME=%s", test_tmpdir());
    return program_run(&(struct program){
        .binary = "/bin/sh",
        .folder = folder,
        .env = (const char *const[]){program.p, home.p, "PHASEGATE_BINARY",
                                     "PHASEGATE_PROJECT", NULL},
        .args = (const char *const[]){"-c", script, NULL}});
}

static const char *project(const char *name)
{
    const char *folder = new_project(name);
    CHECK_INT_EQ(shell(folder,
                       "PATH=/usr/bin:/bin $PHASEGATE init --editor claude &&"
                       " $PHASEGATE call list_workflows > workflows")
                     .status,
                 0);
    return folder;
}

/* --- in name spaces of its own -------------------------------------------- */

struct machine_fault {
    const char *label;
    const char *plant; /* as root of that name space, in the project */
    const char *says;
    const char *mend; /* after the advice, where that only shows what to do */
};

/* The words of the advice are run where the fault is; `sudo` asks nobody
 * there. */
static const char script[] =
    "mkdir bin && printf '#!/bin/sh\\nexec \"$@\"\\n' > bin/sudo && "
    "chmod +x bin/sudo; PATH=$PATH:/usr/sbin:/sbin:$PWD/bin\n"
    "doctor() { $PHASEGATE doctor --json > $1; }\n"
    "plant() {\n%s\n}\n"
    "mend() {\n%s\n}\n"
    "command -v sysctl > where && plant && cd . || exit 77\n"
    "doctor before\n"
    "sed -n 's/.*\"command\":\"\\(.*\\)\",\"how_to_fix.*/\\1/p' before |"
    " sed 's/\\\\\\\\\"/\"/g; s/\\\\\"/\"/g' > advice\n"
    "sh -e advice > shown || exit 1\n"
    "mend\n"
    "doctor after\n";

/* Name spaces may be forbidden, as in some containers. */
static void need_name_spaces(void)
{
    if (shell(NULL, "unshare -Urm mount -t tmpfs none /mnt").status != 0)
        test_skip("no name spaces of our own here");
}

#define MOUNT(options)                                                         \
    "cp -a .phasegate kept && mount -t tmpfs -o " options                      \
    " none .phasegate && cp -a kept/. .phasegate && rm -r kept"

TEST_EACH_IF(
    doctor, finds_a_fault_of_the_machine_and_its_advice_mends_it,
    (.timeout_s = 60), struct machine_fault, row,
    {"a full disk",
     MOUNT("size=100m") " && dd if=/dev/zero of=.phasegate/large bs=1M "
                        "count=90 2>/dev/null",
     "MiB are free", "grep -q large shown && rm .phasegate/large"},
    {"no more files",
     MOUNT("size=100m,nr_inodes=200") " && mkdir .phasegate/many && i=0 && "
                                      "while [ $i -lt 130 ]; do i=$((i+1)); : "
                                      "> .phasegate/many/$i; done",
     "files are free", "grep -q many shown && rm -r .phasegate/many"},
    {"a disk that nobody can write",
     MOUNT("size=100m") " && mount -o remount,ro .phasegate",
     "mounted read-only", ":"},
    {"no folder can be watched", "echo 10 > /proc/sys/user/max_inotify_watches",
     "watch 10 folders", ":"},
    {"no watcher can be made", "echo 0 > /proc/sys/user/max_inotify_instances",
     "have 0 watchers", ":"})
{
    need_name_spaces();
    const char *folder = project("machine");
    put_file(folder, "script",
             arena_printf(test_arena(), script, row->plant, row->mend).p);
    struct ended e = shell(folder, "unshare -Urm sh script");
    if (e.status == 77) test_skip("this kernel lets us plant no such fault");
    CHECK_CONTAINS(get_file(folder, "before"), row->says);
    CHECK_CONTAINS(get_file(folder, "after"), "\"findings\":[]");
    CHECK_INT_EQ(e.status, 0);
}

/* --- the state file ------------------------------------------------------- */

/* As the first version of this program left it. */
TEST(doctor, a_state_file_of_an_older_version_is_told_and_brought_up)
{
    struct st_schema first = {st__schema.migrations, 1};
    const char *folder = project("old");
    struct slice path =
        arena_printf(test_arena(), "%s/.phasegate/state.db", folder);
    struct st_store_options o = {.path = path};
    struct st_store *s;
    struct problem p;
    problem_init(&p);
    CHECK_INT_EQ(shell(folder, "rm -f .phasegate/state.db*").status, 0);
    CHECK_OK(st__store_open(&o, &first, test_arena(), &p, &s));
    st_store_close(s);
    struct ended e = shell(folder, "$PHASEGATE doctor");
    CHECK_INT_EQ(e.status, 0); /* it is advice */
    CHECK_CONTAINS(e.out, "has version 1");
    e = shell(folder, "$($PHASEGATE doctor | sed -n 's/^ *\\(.* sessions "
                      "verify .*\\)/\\1/p') && test -s .phasegate/state.db.v1"
                      " && $PHASEGATE doctor");
    CHECK_CONTAINS(e.out, "Nothing is wrong");
    CHECK_INT_EQ(e.status, 0);
}

/* A process that stopped in the middle of a write. */
static pid_t hold_write_lock(const char *folder)
{
    int ready[2];
    char x;
    CHECK_INT_EQ(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct flock l = {.l_type = F_WRLCK,
                          .l_whence = SEEK_SET,
                          .l_start = 120,
                          .l_len = 1};
        int fd = -1;
        if (chdir(folder) == 0)
            fd = open(".phasegate/state.db-shm", O_RDWR | O_CLOEXEC);
        if (fd < 0 || fcntl(fd, F_SETLKW, &l) != 0 ||
            write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;) pause();
    }
    close(ready[1]);
    CHECK_INT_EQ(read(ready[0], &x, 1), 1);
    close(ready[0]);
    return pid;
}

TEST(doctor, one_who_keeps_the_write_lock_is_named, .timeout_s = 60)
{
    const char *folder = project("locked");
    const char *args[] = {"--http-port", "0", NULL};
    struct server *s =
        server_start(&(struct server_options){.project = folder, .args = args});
    (void)stdio_tool(s, "list_sessions", "{}");
    pid_t pid = hold_write_lock(folder);
    struct slice told = arena_printf(test_arena(), "process %d", (int)pid);
    struct ended e = shell(folder, "$PHASEGATE doctor");
    CHECK_INT_EQ(e.status, 1);
    CHECK_CONTAINS(e.out, "has been holding the write lock");
    CHECK(says(e.out, told.p));
    e = shell(
        folder,
        "eval \"$($PHASEGATE doctor | sed -n 's/^ *\\(kill .*\\)/\\1/p')\"");
    CHECK_INT_EQ(e.status, 0);
    int status;
    CHECK_INT_EQ(waitpid(pid, &status, 0), pid);
    e = shell(folder, "$PHASEGATE doctor");
    CHECK_CONTAINS(e.out, "Nothing is wrong");
}
