#include "tests/integration/terminal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "tests/integration/process.h"

static int slave_of(int master)
{
    char name[128];
    CHECK(grantpt(master) == 0 && unlockpt(master) == 0);
    CHECK(ptsname_r(master, name, sizeof(name)) == 0);
    int fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

/* stderr goes to <folder>/stderr, to its end. */
struct ended terminal_run(const char *folder, const char *typed,
                          const char *const *words)
{
    char out[] = "/tmp/phasegate-terminal-XXXXXX";
    struct ended e = {0};
    size_t before = process_file(folder, "stderr").n;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(master >= 0);
    int slave = slave_of(master), to = mkstemp(out);
    CHECK(to >= 0);
    CHECK(write(master, typed, strlen(typed)) == (ssize_t)strlen(typed));
    struct process_end end =
        process_wait(process_start(folder, slave, to, words));
    close(slave);
    close(master);
    close(to);
    e.status = end.status;
    e.out = get_file("/tmp", out + 5);
    unlink(out);
    struct slice err = process_file(folder, "stderr");
    e.err = slice_sub(err, before, err.n);
    return e;
}

struct slice terminal_shows(const char *folder, const char *const *words)
{
    struct buf b = BUF_INIT(1 << 20);
    ssize_t got;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(master >= 0);
    int slave = slave_of(master);
    pid_t pid = process_start(folder, slave, slave, words);
    close(slave);
    while (buf_reserve(&b, 4096) && (got = read(master, b.p + b.n, 4096)) > 0)
        buf_add(&b, (size_t)got);
    close(master);
    (void)process_wait(pid);
    struct slice text = arena_copy(test_arena(), buf_slice(&b));
    buf_done(&b);
    return text;
}
