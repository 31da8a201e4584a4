#define _GNU_SOURCE
#include "probe.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { netlink = 16, packet = 17, alg = 38, vsock = 40, io_uring_setup = 425 };

static int of(long result) { return result >= 0 ? 0 : errno & 0x7f; }

static int call_userns(void) { return of(unshare(CLONE_NEWUSER)); }
static int call_vsock(void) { return of(socket(vsock, SOCK_STREAM, 0)); }
static int call_netlink(void) { return of(socket(netlink, SOCK_RAW, 0)); }
static int call_packet(void) { return of(socket(packet, SOCK_RAW, 0)); }
static int call_raw(void) { return of(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)); }
static int call_alg(void) { return of(socket(alg, SOCK_SEQPACKET, 0)); }
static int call_chroot(void) { return of(chroot("/")); }
static int call_setuid(void) { return geteuid() == 0 ? 0 : of(setresuid(0, 0, 0)); }

static int call_io_uring(void) {
  uint32_t params[30] = {0};
  return of(syscall(io_uring_setup, 1, params));
}

static int call_bpf(void) {
  /* BPF_MAP_CREATE of an array with one entry. */
  uint32_t attributes[32] = {2, 4, 4, 1};
  return of(syscall(SYS_bpf, 0, attributes, sizeof attributes));
}

static int call_perf(void) {
  /* A software clock of this process, without the kernel. */
  uint64_t attributes[14] = {1 | (112ULL << 32)};
  attributes[5] = 1 << 5 | 1 << 6;
  return of(syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0));
}

static int call_userfaultfd(void) { return of(syscall(SYS_userfaultfd, 1)); }

/* That there is no such key is the answer of a call that went through. */
static int call_keyctl(void) {
  int error = of(syscall(SYS_keyctl, 0, -3, 0));
  return error == ENOKEY ? 0 : error;
}

/* A file system that does not exist: whoever may not mount at all is told so first. */
static int call_mount(void) {
  int error = of(mount("none", "/", "amc-no-such-fs", 0, NULL));
  return error == ENODEV ? 0 : error;
}

static int call_setns(void) {
  int fd = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
  return fd < 0 ? unknown_status : of(setns(fd, CLONE_NEWUTS));
}

/* On a terminal of its own, so that nothing is typed anywhere. */
static int call_tiocsti(void) {
  setsid();
  int controller = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (controller < 0 || grantpt(controller) < 0 || unlockpt(controller) < 0) return unknown_status;
  const char *name = ptsname(controller);
  int terminal = name == NULL ? -1 : open(name, O_RDWR | O_CLOEXEC);
  if (terminal < 0) return unknown_status;
  ioctl(terminal, TIOCSCTTY, 0);
  return of(ioctl(terminal, TIOCSTI, "x"));
}

static int call(void *with) { return ((int (*)(void))with)(); }

struct result try_call(const char *name) {
  static const struct {
    const char *name;
    int (*deed)(void);
  } calls[] = {
      {"userns", call_userns},           {"vsock", call_vsock},     {"netlink", call_netlink},
      {"packet", call_packet},           {"raw", call_raw},         {"alg", call_alg},
      {"chroot", call_chroot},           {"setuid", call_setuid},   {"io_uring", call_io_uring},
      {"bpf", call_bpf},                 {"perf", call_perf},       {"keyctl", call_keyctl},
      {"userfaultfd", call_userfaultfd}, {"mount", call_mount},     {"setns", call_setns},
      {"tiocsti", call_tiocsti},
  };
  for (size_t at = 0; at < sizeof calls / sizeof calls[0]; at++)
    if (strcmp(calls[at].name, name) == 0) return in_child(call, (void *)calls[at].deed);
  return not_known(EINVAL);
}
