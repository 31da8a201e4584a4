#define _GNU_SOURCE
#include "probe.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { gone = 125, by_signal = 128, look_ms = 2000 };

static void watched_signals(sigset_t *set) {
  static const int numbers[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
  sigemptyset(set);
  for (size_t at = 0; at < sizeof numbers / sizeof numbers[0]; at++) sigaddset(set, numbers[at]);
}

/* Takes in all who have ended; true, with its exit code, once the child is among them. */
static bool has_ended(pid_t child, int *code) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid != child) continue;
    *code = WIFSIGNALED(status) ? by_signal + WTERMSIG(status) : WEXITSTATUS(status);
    return true;
  }
  return false;
}

/* The other end is the monitor's, which keeps it open for as long as the box is to be. */
static bool is_cut(int leash) {
  char byte;
  ssize_t size;
  while ((size = read(leash, &byte, 1)) > 0) continue;
  return size == 0 || errno != EAGAIN;
}

/* Lets the monitor look at the box while it still is one: afterwards nothing tells what became of its limits. */
static void wait_for_look(int leash) {
  struct pollfd waited = {leash, POLLIN, 0};
  if (write(leash, "e", 1) == 1) poll(&waited, 1, look_ms);
}

static int follow(pid_t child, int leash, int signals) {
  struct pollfd waited[2] = {{leash, POLLIN, 0}, {signals, POLLIN, 0}};
  for (int code;;) {
    if (is_cut(leash)) return gone;
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info)
      if (info.ssi_signo != SIGCHLD) kill(child, (int)info.ssi_signo);
    if (has_ended(child, &code)) {
      wait_for_look(leash);
      return code;
    }
    poll(waited, 2, -1);
  }
}

static int connected_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return -1;
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) return -1;
  return fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -1 : fd;
}

int init(const char *leash_path, char **command) {
  int leash = connected_to(leash_path);
  sigset_t set, before;
  watched_signals(&set);
  sigprocmask(SIG_BLOCK, &set, &before);
  int signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (leash < 0 || signals < 0) return gone;
  pid_t child = fork();
  if (child < 0) return gone;
  if (child == 0) {
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    execv(command[0], command);
    _exit(gone);
  }
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  /* The streams are the child's alone: whoever waits for their end waits for it and what it began. */
  for (int fd = 0; fd < 3; fd++) close(fd);
  return follow(child, leash, signals);
}
