// Preloaded into a daemon: once the file that FAULT_TRIGGER names is there, writing to its journal fails with EIO.
//
// The file holds a word and a number. `write 3`: three writes succeed, the fourth is torn, half of it written, and
// fails. `refuse 3`: the fourth fails with nothing written. Either way the file is taken away, as by a disk that was
// unplugged and plugged in again. `sync 0`: every fsync and fdatasync fails, as long as the file is there.
// What failed is counted in the file that FAULT_COUNT names, one byte each.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int is_journal(int fd) {
    char link[32], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    if (len < 0) return 0;
    path[len] = 0;
    const char *name = strrchr(path, '/');
    return name && (!strcmp(name, "/journal.db") || !strcmp(name, "/journal.db-wal"));
}

static void count(void) {
    const char *name = getenv("FAULT_COUNT");
    int fd = name ? open(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0) return;
    ssize_t (*system_write)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    system_write(fd, "x", 1);
    close(fd);
}

// Whether this is the call that fails. `word` is what the trigger says.
static int fails(int fd, int is_sync, char word[16]) {
    static int done = 0;
    const char *trigger = getenv("FAULT_TRIGGER");
    if (!trigger || !is_journal(fd)) return 0;
    FILE *file = fopen(trigger, "re");
    if (!file) {
        done = 0;
        return 0;
    }
    int after = 0, read = fscanf(file, "%15s %d", word, &after);
    fclose(file);
    if (read != 2 || is_sync != !strcmp(word, "sync")) return 0;
    if (!is_sync && done++ < after) return 0;
    if (!is_sync) unlink(trigger);
    count();
    return 1;
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at) {
    ssize_t (*next)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    char word[16];
    if (!fails(fd, 0, word)) return next(fd, bytes, len, at);
    if (!strcmp(word, "write")) next(fd, bytes, len / 2, at);
    errno = EIO;
    return -1;
}

static int sync_with(const char *name, int fd) {
    int (*next)(int) = dlsym(RTLD_NEXT, name);
    char word[16];
    if (!fails(fd, 1, word)) return next(fd);
    errno = EIO;
    return -1;
}

int fsync(int fd) { return sync_with("fsync", fd); }
int fdatasync(int fd) { return sync_with("fdatasync", fd); }
