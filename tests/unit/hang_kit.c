#include "tests/unit/hang_kit.h"

#include <fcntl.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

_Atomic enum hang hang;
atomic_int hanging;

static void hang_while(enum hang what)
{
    if (hang != what) return;
    hanging++;
    while (hang == what) usleep(1000);
    hanging--;
}

int statvfs(const char *path, struct statvfs *ret)
{
    hang_while(HANG_DISK);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fstatvfs(fd, ret);
    if (fd >= 0) close(fd);
    return rc;
}

int statfs(const char *path, struct statfs *ret)
{
    hang_while(HANG_WALK);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fstatfs(fd, ret);
    if (fd >= 0) close(fd);
    return rc;
}
