#define _GNU_SOURCE
#include "probe.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { largest_file = 4 * 1024 * 1024, most_entries = 1000000, walk_seconds = 10 };

bool holds(const char *bytes, size_t size, const char *canary) {
  return memmem(bytes, size, canary, strlen(canary)) != NULL;
}

char *slurp(const char *path, size_t *size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return NULL;
  size_t room = 4096;
  char *bytes = malloc(room + 1);
  *size = 0;
  while (bytes != NULL && *size < largest_file) {
    ssize_t got = read(fd, bytes + *size, room - *size);
    if (got < 0) {
      int error = errno;
      free(bytes);
      close(fd);
      errno = error;
      return NULL;
    }
    if (got == 0) break;
    *size += (size_t)got;
    if (*size < room) continue;
    room *= 4;
    char *larger = realloc(bytes, room + 1);
    if (larger == NULL) free(bytes);
    bytes = larger;
  }
  close(fd);
  if (bytes != NULL) bytes[*size] = 0;
  return bytes;
}

/* Opened is reached; where a canary is named, it must have been read, since another file may lie there. */
struct result try_read(const char *path, const char *canary) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return was_denied(errno);
  if (*canary == 0) {
    close(fd);
    return was_reached();
  }
  char bytes[256];
  ssize_t got = read(fd, bytes, sizeof bytes);
  int error = got < 0 ? errno : ENODATA;
  close(fd);
  if (got < 0) return was_denied(error);
  return holds(bytes, (size_t)got, canary) ? was_reached() : not_known(error);
}

/* Opens a file for writing without changing it, or makes a file in a folder and removes it. */
struct result try_write(const char *path) {
  struct stat stat;
  if (lstat(path, &stat) < 0) return was_denied(errno);
  char file[4096];
  const char *target = path;
  int flags = O_WRONLY | O_CLOEXEC | O_NONBLOCK;
  if (S_ISDIR(stat.st_mode)) {
    int size = snprintf(file, sizeof file, "%s/.amc-probe-%d", path, getpid());
    if (size >= (int)sizeof file) return not_known(ENAMETOOLONG);
    target = file;
    flags |= O_CREAT | O_EXCL;
  }
  int fd = open(target, flags, 0600);
  if (fd < 0) return was_denied(errno);
  close(fd);
  if (target == file) unlink(file);
  return was_reached();
}

struct walk {
  const char *name;
  bool has_modules;
  char **queue;
  size_t count;
  size_t room;
  size_t entries;
  time_t end;
};

static bool is_walked(const struct walk *walk, const char *folder, const char *name) {
  static const char *const left_out[] = {"proc", "sys", "dev", "usr"};
  if (!walk->has_modules && strcmp(name, "node_modules") == 0) return false;
  if (*folder != 0) return true;
  for (size_t at = 0; at < sizeof left_out / sizeof left_out[0]; at++)
    if (strcmp(name, left_out[at]) == 0) return false;
  return true;
}

static bool enqueue(struct walk *walk, const char *folder, const char *name) {
  if (walk->count == walk->room) {
    walk->room = walk->room == 0 ? 256 : walk->room * 2;
    char **larger = realloc(walk->queue, walk->room * sizeof *larger);
    if (larger == NULL) return false;
    walk->queue = larger;
  }
  char *path;
  if (asprintf(&path, "%s%s%s", folder, *name == 0 ? "" : "/", name) < 0) return false;
  walk->queue[walk->count++] = path;
  return true;
}

static bool is_folder(DIR *in, const struct dirent *entry) {
  if (entry->d_type != DT_UNKNOWN) return entry->d_type == DT_DIR;
  struct stat stat;
  return fstatat(dirfd(in), entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(stat.st_mode);
}

/* A folder that can't be listed hides what is in it. */
static struct result look_in(struct walk *walk, const char *folder) {
  struct result result = was_denied(ENOENT);
  DIR *open = opendir(*folder == 0 ? "/" : folder);
  if (open == NULL) return was_denied(errno);
  const char *base = strrchr(folder, '/');
  bool is_state = base != NULL && strcmp(base, "/.amc") == 0;
  for (struct dirent *entry; result.outcome == denied && (entry = readdir(open)) != NULL;) {
    const char *name = entry->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
    if (is_state || strcmp(name, walk->name) == 0) result = was_reached();
    else if (++walk->entries > most_entries || time(NULL) > walk->end) result = not_known(E2BIG);
    else if (is_folder(open, entry) && is_walked(walk, folder, name) && !enqueue(walk, folder, name))
      result = not_known(ENOMEM);
  }
  closedir(open);
  return result;
}

/* Breadth first for an entry of that name, or an .amc that holds anything. No workspace lies in the system's trees. */
struct result try_walk(const char *root, const char *name, bool has_modules) {
  struct walk walk = {.name = name, .has_modules = has_modules, .end = time(NULL) + walk_seconds};
  struct result result = was_denied(ENOENT);
  if (!enqueue(&walk, strcmp(root, "/") == 0 ? "" : root, "")) return not_known(ENOMEM);
  for (size_t at = 0; result.outcome == denied && at < walk.count; at++)
    result = look_in(&walk, walk.queue[at]);
  for (size_t at = 0; at < walk.count; at++) free(walk.queue[at]);
  free(walk.queue);
  return result;
}
