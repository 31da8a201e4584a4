#define _GNU_SOURCE
#include "probe.h"

#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* From linux/seccomp.h and linux/filter.h, which musl does not have. */
#ifndef SYS_seccomp
#define SYS_seccomp 317
#endif
enum { set_mode_filter = 1, new_listener = 1 << 3, get_notif_sizes = 3, most_code = 4096 };
struct code {
  uint16_t code;
  uint8_t jt, jf;
  uint32_t k;
};
struct program {
  unsigned short count;
  struct code *code;
};
struct call {
  uint64_t id;
  uint32_t pid, flags;
  int nr;
  uint32_t arch;
  uint64_t pointer, args[6];
};
struct answer {
  uint64_t id;
  int64_t value;
  int32_t error;
  uint32_t flags;
};
#define RECEIVE _IOWR('!', 0, struct call)
#define SEND _IOWR('!', 1, struct answer)

static int digit(char of) { return of >= 'a' ? of - 'a' + 10 : of - '0'; }

static bool decode(const char *hex, struct program *program) {
  static struct code code[most_code];
  size_t size = strspn(hex, "0123456789abcdef") / 2;
  if (hex[size * 2] != 0 || size == 0 || size % sizeof *code != 0 || size > sizeof code) return false;
  for (size_t at = 0; at < size; at++)
    ((uint8_t *)code)[at] = (uint8_t)(digit(hex[at * 2]) << 4 | digit(hex[at * 2 + 1]));
  *program = (struct program){(unsigned short)(size / sizeof *code), code};
  return true;
}

union room {
  char bytes[CMSG_SPACE(sizeof(int))];
  struct cmsghdr aligned;
};

static void hand_over(int to, int fd) {
  union room room = {0};
  struct iovec one = {"l", 1};
  struct msghdr message = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = &room,
                           .msg_controllen = sizeof room};
  struct cmsghdr *head = CMSG_FIRSTHDR(&message);
  *head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(head), &fd, sizeof fd);
  sendmsg(to, &message, MSG_NOSIGNAL);
}

static int take_over(int from) {
  union room room = {0};
  char byte;
  struct iovec one = {&byte, 1};
  struct msghdr message = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = &room,
                           .msg_controllen = sizeof room};
  int fd = -1;
  if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) <= 0) return -1;
  struct cmsghdr *head = CMSG_FIRSTHDR(&message);
  if (head != NULL && head->cmsg_type == SCM_RIGHTS) memcpy(&fd, CMSG_DATA(head), sizeof fd);
  return fd;
}

/* The filter refuses by asking; whom it asks gets the descriptor. With nobody to ask the kernel refuses all the same. */
bool put_filter(const struct order *order) {
  struct program program;
  if (order->filter == NULL) return true;
  int to = atoi(order->filter_to);
  errno = EINVAL;
  if (!decode(order->filter, &program)) return false;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return false;
  long listener = syscall(SYS_seccomp, set_mode_filter, new_listener, &program);
  if (listener < 0 && syscall(SYS_seccomp, set_mode_filter, 0, &program) < 0) return false;
  if (listener >= 0) hand_over(to, (int)listener);
  if (listener >= 0) close((int)listener);
  close(to);
  return true;
}

enum { most_numbers = 512, most_families = 64, largest_notice = 512, free_calls = 10000, pause_us = 1000 };
static struct tally {
  long long count, first_ms, last_ms;
} calls[most_numbers + most_families], opens;
static long long all_calls;

static void note(struct tally *tally) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  tally->last_ms = now.tv_sec * 1000LL + now.tv_nsec / 1000000;
  if (tally->count++ == 0) tally->first_ms = tally->last_ms;
}

static struct tally *tally_of(const struct call *call) {
  bool is_socket = call->nr == SYS_socket || call->nr == SYS_socketpair;
  uint32_t family = (uint32_t)call->args[0];
  if (is_socket) return &calls[most_numbers + (family < most_families ? family : most_families - 1)];
  return &calls[call->nr >= 0 && call->nr < most_numbers ? call->nr : 0];
}

/* Never anything but a refusal, counted before it is given. Who asks without end is answered slowly. */
static void refuse_call(int listener) {
  union {
    char room[largest_notice];
    struct call call;
  } asked = {0};
  union {
    char room[largest_notice];
    struct answer answer;
  } given = {0};
  /* Who asked may be gone, then and now. */
  if (ioctl(listener, RECEIVE, &asked) < 0) return;
  note(tally_of(&asked.call));
  if (++all_calls > free_calls) usleep(pause_us);
  given.answer.id = asked.call.id;
  given.answer.error = -EPERM;
  ioctl(listener, SEND, &given);
}

static void count_opens(int watch) {
  _Alignas(struct inotify_event) char events[4096];
  for (ssize_t size; (size = read(watch, events, sizeof events)) > 0;)
    for (char *at = events; at < events + size;) {
      struct inotify_event *event = (struct inotify_event *)at;
      note(&opens);
      at += sizeof *event + event->len;
    }
}

static void say_tally(const char *name, int number, const struct tally *tally) {
  if (tally->count == 0) return;
  say(name);
  const long long numbers[] = {number, tally->count, tally->first_ms, tally->last_ms};
  for (int at = 0; at < 4; at++) {
    say(" ");
    say_number(numbers[at]);
  }
  say("\n");
}

/* What was counted since the last time, and whether there is anybody to be counted. */
static bool say_counts(bool is_listening) {
  say(is_listening ? "listens\n" : "deaf\n");
  for (int at = 0; at < most_numbers; at++) say_tally("call", at, &calls[at]);
  for (int at = 0; at < most_families; at++) say_tally("family", at, &calls[most_numbers + at]);
  say_tally("open", 0, &opens);
  say("end\n");
  memset(calls, 0, sizeof calls);
  opens = (struct tally){0};
  return say_now();
}

static bool has_fitting_sizes(void) {
  uint16_t sizes[3];
  return syscall(SYS_seccomp, get_notif_sizes, 0, sizes) == 0 && sizes[0] <= largest_notice &&
         sizes[1] <= largest_notice;
}

/* Outside the box: refuses what its filter asks about, and counts that and who opens what is shown empty. Each byte on
   stdin is answered with the counts since the one before. */
int count_tries(int box, char **watched) {
  bool is_listening = false;
  int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  /* Without a watch no opens are said, which whoever opens to try notices. */
  for (; *watched != NULL; watched++) inotify_add_watch(watch, *watched, IN_OPEN);
  if (!has_fitting_sizes()) return 125;
  for (;;) {
    struct pollfd waited[] = {{0, POLLIN, 0}, {box, POLLIN, 0}, {watch, POLLIN, 0}};
    if (poll(waited, 3, -1) < 0) continue;
    if (is_listening && waited[1].revents & POLLIN) refuse_call(box);
    else if (waited[1].revents != 0) {
      /* First comes the descriptor to listen at; the end comes when nobody is left who could ask. */
      int listener = is_listening ? -1 : take_over(box);
      close(box);
      box = listener;
      is_listening = is_listening || listener >= 0;
    }
    count_opens(watch);
    if (waited[0].revents == 0) continue;
    char byte;
    if (read(0, &byte, 1) != 1 || !say_counts(is_listening)) return 0;
  }
}
