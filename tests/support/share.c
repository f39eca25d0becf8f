/* What an SMB share (Azure Files) refuses, below the folder $SHARE: modes, links and, with $NO_LOCKS, locks. Preloaded. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int inside(int folder, const char *path) {
    char base[PATH_MAX], whole[2 * PATH_MAX];
    const char *share = getenv("SHARE");
    if (!share)
        return 0;
    if (path && path[0] == '/')
        return !strncmp(path, share, strlen(share));
    if (folder == AT_FDCWD) {
        if (!getcwd(base, sizeof base))
            return 0;
    } else {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t size = readlink(link, base, sizeof base - 1);
        if (size < 0)
            return 0;
        base[size] = 0;
    }
    snprintf(whole, sizeof whole, "%s/%s", base, path ? path : "");
    return !strncmp(whole, share, strlen(share));
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define REFUSE(where, with, call) return (where) ? (errno = (with), -1) : (call)

int chmod(const char *path, mode_t mode) { REFUSE(inside(AT_FDCWD, path), EPERM, NEXT(chmod)(path, mode)); }
int fchmod(int file, mode_t mode) { REFUSE(inside(file, NULL), EPERM, NEXT(fchmod)(file, mode)); }
int fchmodat(int folder, const char *path, mode_t mode, int flags) {
    REFUSE(inside(folder, path), EPERM, NEXT(fchmodat)(folder, path, mode, flags));
}
int link(const char *from, const char *to) { REFUSE(inside(AT_FDCWD, to), EOPNOTSUPP, NEXT(link)(from, to)); }
int linkat(int one, const char *from, int other, const char *to, int flags) {
    REFUSE(inside(other, to), EOPNOTSUPP, NEXT(linkat)(one, from, other, to, flags));
}
int symlink(const char *from, const char *to) { REFUSE(inside(AT_FDCWD, to), EOPNOTSUPP, NEXT(symlink)(from, to)); }
int flock(int file, int how) { REFUSE(getenv("NO_LOCKS") && inside(file, NULL), ENOTSUP, NEXT(flock)(file, how)); }
