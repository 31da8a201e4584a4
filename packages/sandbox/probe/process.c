#define _GNU_SOURCE
#include "probe.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
enum { set_ptracer = 0x59616d61, seize = 0x4206, interrupt = 0x4207, child_seconds = 3 };

struct result in_child(int (*deed)(void *), void *with) {
  pid_t child = fork();
  if (child < 0) return not_known(errno);
  if (child == 0) {
    alarm(child_seconds);
    _exit(deed(with));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return not_known(errno);
  if (WIFSIGNALED(status))
    return WTERMSIG(status) == SIGSYS ? was_denied(EPERM) : not_known(ETIMEDOUT);
  int code = WEXITSTATUS(status);
  return code == 0 ? was_reached() : code == unknown_status ? not_known(ENODATA) : was_denied(code);
}

static bool is_pid(const char *text) {
  size_t size = strspn(text, "0123456789");
  return size > 0 && size < 10 && text[size] == 0;
}

/* Any process whose environment holds the canary. */
struct result try_environ(const char *canary) {
  struct result result = was_denied(ESRCH);
  DIR *all = opendir("/proc");
  if (all == NULL) return was_denied(errno);
  for (struct dirent *entry; result.outcome == denied && (entry = readdir(all)) != NULL;) {
    if (!is_pid(entry->d_name)) continue;
    char path[64];
    size_t size;
    snprintf(path, sizeof path, "/proc/%.10s/environ", entry->d_name);
    char *bytes = slurp(path, &size);
    if (bytes == NULL) result = was_denied(errno);
    else if (holds(bytes, size, canary)) result = was_reached();
    free(bytes);
  }
  closedir(all);
  return result;
}

/* A pid alone says nothing in another pid namespace: the start time tells whether it is the same process. */
struct result try_visible(const char *pid, const char *started) {
  char path[64];
  size_t size;
  if (!is_pid(pid)) return not_known(EINVAL);
  snprintf(path, sizeof path, "/proc/%s/stat", pid);
  char *stat = slurp(path, &size);
  if (stat == NULL) return was_denied(errno == ENOENT ? ESRCH : errno);
  char *field = strrchr(stat, ')');
  for (int at = 0; field != NULL && at < 20; at++) field = strchr(field + 1, ' ');
  size_t length = strlen(started);
  bool is_same = field != NULL && length > 0 && strncmp(field + 1, started, length) == 0 &&
                 field[1 + length] == ' ';
  free(stat);
  return is_same ? was_reached() : was_denied(ESRCH);
}

/* Whether a file of /proc about that very process can be opened. */
struct result try_part(const char *pid, const char *started, const char *part) {
  struct result visible = try_visible(pid, started);
  if (visible.outcome != reached) return visible;
  char path[128];
  snprintf(path, sizeof path, "/proc/%s/%.32s", pid, part);
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return was_denied(errno);
  close(fd);
  return was_reached();
}

struct target {
  const char *kind;
  pid_t pid;
  unsigned long address;
  int fd;
  const char *canary;
};

static int judged(const char *bytes, ssize_t size, const char *canary) {
  if (size < 0) return errno;
  return holds(bytes, (size_t)size, canary) ? 0 : ESRCH;
}

static int read_file(const struct target *target, const char *path, off_t from) {
  char bytes[canary_max + 1];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  return judged(bytes, pread(fd, bytes, sizeof bytes, from), target->canary);
}

static int by_memory_file(const struct target *target) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/mem", target->pid);
  return read_file(target, path, (off_t)target->address);
}

static int by_fd_table(const struct target *target) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", target->pid, target->fd);
  return read_file(target, path, 0);
}

static int by_vm_readv(const struct target *target) {
  char bytes[canary_max];
  size_t size = strlen(target->canary);
  struct iovec to = {bytes, size};
  struct iovec from = {(void *)target->address, size};
  ssize_t got = process_vm_readv(target->pid, &to, 1, &from, 1, 0);
  return judged(bytes, got, target->canary);
}

static int by_pidfd(const struct target *target) {
  char bytes[canary_max];
  long process = syscall(SYS_pidfd_open, target->pid, 0);
  if (process < 0) return errno;
  long stolen = syscall(SYS_pidfd_getfd, process, target->fd, 0);
  if (stolen < 0) return errno;
  return judged(bytes, pread((int)stolen, bytes, sizeof bytes, 0), target->canary);
}

static int by_ptrace(const struct target *target) {
  char bytes[canary_max];
  if (ptrace(seize, target->pid, NULL, NULL) < 0) return errno;
  if (ptrace(interrupt, target->pid, NULL, NULL) < 0) return errno;
  int status;
  if (waitpid(target->pid, &status, 0) < 0) return errno;
  for (size_t at = 0; at < sizeof bytes; at += sizeof(long)) {
    errno = 0;
    long word = ptrace(PTRACE_PEEKDATA, target->pid, (void *)(target->address + at), NULL);
    if (errno != 0) return errno;
    memcpy(bytes + at, &word, sizeof word);
  }
  int error = judged(bytes, sizeof bytes, target->canary);
  ptrace(PTRACE_DETACH, target->pid, NULL, NULL);
  return error;
}

static int reach(void *with) {
  const struct target *target = with;
  static const struct {
    const char *kind;
    int (*deed)(const struct target *);
  } ways[] = {{"memory", by_memory_file},
              {"fd", by_fd_table},
              {"vm_readv", by_vm_readv},
              {"pidfd", by_pidfd},
              {"ptrace", by_ptrace}};
  for (size_t at = 0; at < sizeof ways / sizeof ways[0]; at++)
    if (strcmp(ways[at].kind, target->kind) == 0) return ways[at].deed(target);
  return unknown_status;
}

/* Reads the canary out of another process: reached means that it was read, so a pid of another namespace is none. */
struct result try_process(const char *kind, const char *pid, const char *address, const char *fd,
                          const char *canary) {
  if (!is_pid(pid)) return not_known(EINVAL);
  struct target target = {kind, (pid_t)strtol(pid, NULL, 10), strtoul(address, NULL, 16),
                          (int)strtol(fd, NULL, 10), canary};
  if (target.pid == getpid()) return was_denied(ESRCH);
  return in_child(reach, &target);
}

/* A process of the monitor's that holds the canary in its memory, its environment and a file, for others to try. */
int stand(void) {
  static char held[canary_max + 1];
  if (!read_exactly(held, canary_max)) return 125;
  int fd = memfd_create("amc-stand", MFD_CLOEXEC);
  if (fd < 0 || write(fd, held, canary_max) != canary_max) return 125;
  prctl(set_ptracer, -1, 0, 0, 0);
  char line[128];
  int size = snprintf(line, sizeof line, "stand %d %lx %d\n", getpid(), (unsigned long)held, fd);
  if (write(1, line, (size_t)size) != size) return 125;
  char end;
  while (read(0, &end, 1) < 0 && errno == EINTR) continue;
  return 0;
}
