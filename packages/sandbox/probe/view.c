#define _GNU_SOURCE
#include "probe.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { longest_text = 200 };

static void say_text(const char *name, const char *text, size_t size) {
  say("see ");
  say(name);
  say(" s ");
  say_encoded(text, size > longest_text ? longest_text : size);
  say("\n");
}

static void say_count(const char *name, long long value) {
  say("see ");
  say(name);
  say(" i ");
  say_number(value);
  say("\n");
}

static void say_flag(const char *name, bool value) {
  say("see ");
  say(name);
  say(value ? " b 1\n" : " b 0\n");
}

struct text {
  const char *at;
  size_t size;
};

static struct text trimmed(const char *from, const char *end) {
  while (from < end && (*from == ' ' || *from == '\t')) from++;
  while (end > from && (end[-1] == ' ' || end[-1] == '\t')) end--;
  return (struct text){from, (size_t)(end - from)};
}

/* The rest of the line that begins with a name. */
static struct text line_of(const char *all, const char *name) {
  size_t size = strlen(name);
  for (const char *line = all; line != NULL && *line != 0;) {
    const char *end = strchrnul(line, '\n');
    if (strncmp(line, name, size) == 0) return trimmed(line + size, end);
    line = *end == 0 ? NULL : end + 1;
  }
  return (struct text){"", 0};
}

/* The effective id is the second of four. */
static long long effective(const char *status, const char *name) {
  const char *tab = strchr(line_of(status, name).at, '\t');
  return tab == NULL ? -1 : strtoll(tab + 1, NULL, 10);
}

static void say_status(void) {
  size_t size;
  char *status = slurp("/proc/self/status", &size);
  if (status == NULL) return;
  say_count("uid", effective(status, "Uid:"));
  say_count("gid", effective(status, "Gid:"));
  static const struct {
    const char *name;
    const char *line;
  } texts[] = {{"groups", "Groups:"},   {"cap_eff", "CapEff:"}, {"cap_bnd", "CapBnd:"},
               {"cap_prm", "CapPrm:"}, {"cap_inh", "CapInh:"}, {"cap_amb", "CapAmb:"}};
  for (size_t at = 0; at < sizeof texts / sizeof texts[0]; at++) {
    struct text text = line_of(status, texts[at].line);
    say_text(texts[at].name, text.at, text.size);
  }
  say_count("no_new_privs", strtoll(line_of(status, "NoNewPrivs:").at, NULL, 10));
  say_count("seccomp", strtoll(line_of(status, "Seccomp:").at, NULL, 10));
  say_count("seccomp_filters", strtoll(line_of(status, "Seccomp_filters:").at, NULL, 10));
  free(status);
}

static int by_name(const void *one, const void *other) {
  return strcmp(*(char *const *)one, *(char *const *)other);
}

static void say_interfaces(void) {
  size_t size;
  char *all = slurp("/proc/self/net/dev", &size);
  char *names[64];
  size_t count = 0;
  char *rest = all;
  for (int line = 0; rest != NULL; line++) {
    char *text = strsep(&rest, "\n");
    char *colon = strchr(text, ':');
    if (line < 2 || colon == NULL || count == 64) continue;
    *colon = 0;
    names[count++] = text + strspn(text, " ");
  }
  qsort(names, count, sizeof names[0], by_name);
  char joined[longest_text * 2] = "";
  for (size_t at = 0; at < count && strlen(joined) < longest_text; at++) {
    if (at > 0) strcat(joined, " ");
    strncat(joined, names[at], 32);
  }
  say_text("interfaces", joined, strlen(joined));
  free(all);
}

static bool is_default4(const char *line) {
  char name[64], to[16];
  return sscanf(line, "%63s %15s", name, to) == 2 && strcmp(to, "00000000") == 0;
}

static bool is_default6(const char *line) {
  char to[40], bits[8], name[64];
  return sscanf(line, "%39s %7s %*s %*s %*s %*s %*s %*s %*s %63s", to, bits, name) == 3 &&
         strspn(to, "0") == 32 && strcmp(bits, "00") == 0 && strcmp(name, "lo") != 0;
}

static bool any_line(const char *path, bool (*test)(const char *)) {
  size_t size;
  char *all = slurp(path, &size);
  bool found = false;
  for (char *rest = all; rest != NULL && !found;) found = test(strsep(&rest, "\n"));
  free(all);
  return found;
}

static void say_mounts(void) {
  size_t size;
  char *all = slurp("/proc/self/mountinfo", &size);
  long long count = 0;
  bool is_read_only = false;
  for (char *rest = all; rest != NULL;) {
    char target[4096], options[512];
    char *line = strsep(&rest, "\n");
    if (*line != 0) count++;
    if (sscanf(line, "%*s %*s %*s %*s %4095s %511s", target, options) == 2 &&
        strcmp(target, "/") == 0)
      is_read_only = strncmp(options, "ro", 2) == 0 && (options[2] == 0 || options[2] == ',');
  }
  say_count("mounts", count);
  say_flag("root_read_only", is_read_only);
  free(all);
}

static void say_namespaces(void) {
  static const char *const names[] = {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"};
  for (size_t at = 0; at < sizeof names / sizeof names[0]; at++) {
    char path[64], link[64], name[16];
    snprintf(path, sizeof path, "/proc/self/ns/%s", names[at]);
    snprintf(name, sizeof name, "ns_%s", names[at]);
    ssize_t size = readlink(path, link, sizeof link);
    if (size > 0) say_text(name, link, (size_t)size);
  }
}

/* The soft limit is the first word behind the name. */
static void say_limits(void) {
  size_t size;
  char *limits = slurp("/proc/self/limits", &size);
  if (limits == NULL) return;
  static const struct {
    const char *name;
    const char *line;
  } each[] = {{"rlimit_core", "Max core file size"},
              {"rlimit_fsize", "Max file size"},
              {"rlimit_nproc", "Max processes"},
              {"rlimit_nofile", "Max open files"}};
  for (size_t at = 0; at < sizeof each / sizeof each[0]; at++) {
    struct text line = line_of(limits, each[at].line);
    say_text(each[at].name, line.at, strcspn(line.at, " \n"));
  }
  free(limits);
}

void say_view(void) {
  say_status();
  say_interfaces();
  say_flag("default_route", any_line("/proc/self/net/route", is_default4) ||
                                any_line("/proc/self/net/ipv6_route", is_default6));
  say_mounts();
  say_namespaces();
  say_limits();
}
