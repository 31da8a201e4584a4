#define _GNU_SOURCE
#include "probe.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { not_started = 125 };

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* Never in an agent's environment, whatever they hold. */
static bool is_forbidden(const char *entry) {
  static const char *const words[] = {"PASS", "TOKEN", "SECRET", "KEY", "VAULT"};
  char name[256];
  snprintf(name, sizeof name, "%.*s", (int)strcspn(entry, "="), entry);
  if (strncasecmp(name, "AMC_", 4) != 0) return false;
  for (size_t at = 0; at < sizeof words / sizeof words[0]; at++)
    if (strcasestr(name + 4, words[at]) != NULL) return true;
  return false;
}

/* Of the environment that the agent is to have, and of what a control puts in beside it. */
static struct result try_env(const struct order *order, const char *also) {
  if (strstr(also, order->canary) != NULL) return was_reached();
  for (int at = 0; at < order->env_count; at++)
    if (is_forbidden(order->env[at]) || strstr(order->env[at], order->canary) != NULL)
      return was_reached();
  return was_denied(ENOENT);
}

static struct result try_one(const struct order *order, const struct check *check) {
  const char *const *args = check->args;
  if (strcmp(check->kind, "read") == 0) return try_read(args[0], args[1]);
  if (strcmp(check->kind, "write") == 0) return try_write(args[0]);
  if (strcmp(check->kind, "walk") == 0) return try_walk(args[0], args[1], *args[2] != 0);
  if (strcmp(check->kind, "env") == 0) return try_env(order, args[0]);
  if (strcmp(check->kind, "environ") == 0) return try_environ(order->canary);
  if (strcmp(check->kind, "visible") == 0) return try_visible(args[0], args[1]);
  if (strcmp(check->kind, "part") == 0) return try_part(args[0], args[1], args[2]);
  if (strcmp(check->kind, "call") == 0) return try_call(args[0]);
  return try_process(check->kind, args[0], args[1], args[2], order->canary);
}

static void try_all(struct order *order) {
  try_network(order);
  for (int at = 0; at < order->check_count; at++)
    if (!is_network(&order->checks[at]))
      order->checks[at].result = try_one(order, &order->checks[at]);
}

static bool answer(const struct order *order) {
  static const char *const words[] = {"denied", "reached", "inconclusive"};
  say("amc-probe/1\n");
  for (int at = 0; at < order->check_count; at++) {
    const struct check *check = &order->checks[at];
    say("check ");
    say(check->id);
    say(" ");
    say(words[check->result.outcome]);
    say(" ");
    say(error_name(check->result.error));
    say("\n");
  }
  say_view();
  say("end\n");
  return say_now();
}

static int fail(int error) {
  say("failed ");
  say(error_name(error));
  say("\n");
  say_now();
  return not_started;
}

static const char *path_of(const struct order *order) {
  for (int at = 0; at < order->env_count; at++)
    if (strncmp(order->env[at], "PATH=", 5) == 0) return order->env[at] + 5;
  return "/usr/bin:/bin";
}

static int executable_error(const char *file) {
  struct stat stat_;
  if (access(file, X_OK) < 0) return errno;
  return stat(file, &stat_) == 0 && S_ISREG(stat_.st_mode) ? 0 : EACCES;
}

/* Where the command's file is. What can be found out before the barrier opens is said there and not as output. */
static int find_program(const struct order *order, char *file, size_t room) {
  const char *command = order->args[0] == NULL ? "" : order->args[0];
  if (*command == 0) return EACCES;
  if (strchr(command, '/') != NULL) {
    snprintf(file, room, "%s", command);
    return executable_error(file);
  }
  int failure = ENOENT;
  for (const char *folder = path_of(order); folder != NULL;) {
    int size = (int)strcspn(folder, ":");
    snprintf(file, room, "%.*s/%s", size == 0 ? 1 : size, size == 0 ? "." : folder, command);
    int error = executable_error(file);
    if (error == 0) return 0;
    if (error != ENOENT) failure = error;
    folder = folder[size] == 0 ? NULL : folder + size + 1;
  }
  return failure;
}

/* A script without an interpreter line is run by the shell, as a shell would. */
static int start_of(const char *file, bool *is_shell_script) {
  char head[256] = "";
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  *is_shell_script = false;
  /* What may be run need not be readable. */
  if (fd < 0) return 0;
  ssize_t size = read(fd, head, sizeof head - 1);
  close(fd);
  if (size < 0) return errno;
  *is_shell_script = strncmp(head, "#!", 2) != 0 && memcmp(head, "\x7f" "ELF", 4) != 0;
  if (strncmp(head, "#!", 2) != 0) return 0;
  char *interpreter = head + 2 + strspn(head + 2, " \t");
  interpreter[strcspn(interpreter, " \t\r\n")] = 0;
  return access(interpreter, X_OK) < 0 ? errno : 0;
}

static void close_from_three(void) {
  if (syscall(SYS_close_range, 3, ~0U, 0) == 0) return;
  for (int fd = 3; fd < 65536; fd++) close(fd);
}

/* An ignored or blocked signal would stay so across exec. */
static void restore_signals(void) {
  for (int number = 1; number < 65; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static int become_agent(struct order *order, const char *nonce) {
  static char file[PATH_MAX];
  static char *shell_args[most_strings + 3];
  bool is_shell_script;
  int error = find_program(order, file, sizeof file);
  if (error == 0) error = start_of(file, &is_shell_script);
  if (error != 0) return fail(error);
  close_from_three();
  restore_signals();
  say("started ");
  say(nonce);
  say("\n");
  if (!say_now()) return not_started;
  if (!is_shell_script) execve(file, order->args, order->env);
  shell_args[0] = "sh";
  shell_args[1] = file;
  for (int at = 1; at < order->arg_count; at++) shell_args[at + 1] = order->args[at];
  if (is_shell_script || errno == ENOEXEC) execve("/bin/sh", shell_args, order->env);
  dprintf(2, "amc: the agent's command could not be run: %s\n", error_name(errno));
  return not_started;
}

int main(int count, char **words) {
  static struct order order;
  signal(SIGPIPE, SIG_IGN);
  if (count == 2 && strcmp(words[1], "stand") == 0) return stand();
  if (count > 3 && strcmp(words[1], "init") == 0) return init(words[2], words + 3);
  if (count > 2 && strcmp(words[1], "tries") == 0) return count_tries(atoi(words[2]), words + 3);
  bool is_alone = count == 2 && strcmp(words[1], "alone") == 0;
  if (count != 1 && !is_alone) return fail(EINVAL);
  if (!read_order(&order)) return fail(EPROTO);
  if (!put_filter(&order)) return fail(errno);
  if (is_alone && !go_alone(&order)) return fail(errno);
  try_all(&order);
  if (!answer(&order)) return not_started;
  char go[37] = {0};
  if (!read_exactly(go, 36)) return not_started;
  if (strncmp(go, "GO! ", 4) != 0 || strspn(go + 4, "0123456789abcdef") != 32) return fail(EPERM);
  return become_agent(&order, go + 4);
}
