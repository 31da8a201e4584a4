#define _GNU_SOURCE
#include "probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { most_waits = 200 };

static bool write_text(const char *file, const char *text) {
  int fd = open(file, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  bool is_written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  close(fd);
  return is_written;
}

static bool become_root_of(uid_t uid, gid_t gid) {
  char users[32], groups[32];
  snprintf(users, sizeof users, "0 %u 1", uid);
  snprintf(groups, sizeof groups, "0 %u 1", gid);
  return write_text("/proc/self/setgroups", "deny") && write_text("/proc/self/uid_map", users) &&
         write_text("/proc/self/gid_map", groups);
}

/* Who may not leave the machine's namespaces as he is goes by a user namespace. */
static bool leave(void) {
  const int own = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS;
  uid_t uid = geteuid();
  gid_t gid = getegid();
  if (unshare(own) < 0 && (unshare(own | CLONE_NEWUSER) < 0 || !become_root_of(uid, gid)))
    return false;
  return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static void bring_up_loopback(void) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ioctl(fd, SIOCSIFFLAGS, &request);
  close(fd);
}

static void add_address(const char *host) {
  static int count;
  struct ifreq request = {0};
  struct sockaddr_in four = {.sin_family = AF_INET};
  if (inet_pton(AF_INET, host, &four.sin_addr) != 1) return;
  snprintf(request.ifr_name, sizeof request.ifr_name, "lo:%d", count++);
  memcpy(&request.ifr_addr, &four, sizeof four);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ioctl(fd, SIOCSIFADDR, &request);
  close(fd);
}

static void add_address6(const char *host) {
  struct {
    struct in6_addr address;
    uint32_t prefix;
    int index;
  } request = {.prefix = 128, .index = (int)if_nametoindex("lo")};
  if (inet_pton(AF_INET6, host, &request.address) != 1) return;
  int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ioctl(fd, SIOCSIFADDR, &request);
  close(fd);
}

static void make_folders_to(const char *path) {
  char folder[4096];
  snprintf(folder, sizeof folder, "%s", path);
  for (char *slash = strchr(folder + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    mkdir(folder, 0755);
    *slash = '/';
  }
}

/* Sends back whatever comes, for as long as the probe lives. */
static void answer_datagrams(struct pollfd *sockets, nfds_t count) {
  if (fork() != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int fd = 0; fd < 3; fd++) close(fd);
  while (poll(sockets, count, -1) > 0)
    for (nfds_t at = 0; at < count; at++) {
      char bytes[64];
      struct sockaddr_storage from;
      socklen_t size = sizeof from;
      if (sockets[at].revents == 0) continue;
      ssize_t got = recvfrom(sockets[at].fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &size);
      if (got > 0) sendto(sockets[at].fd, bytes, (size_t)got, 0, (struct sockaddr *)&from, size);
    }
  _exit(0);
}

static int put_there(const struct check *check) {
  if (strcmp(check->kind, "unix") == 0) make_folders_to(check->args[0]);
  else if (strchr(check->args[0], ':') != NULL) add_address6(check->args[0]);
  else if (strncmp(check->args[0], "127.", 4) != 0) add_address(check->args[0]);
  int fd = listen_for(check);
  /* An address of IPv6 may take a moment to be one. */
  for (int wait = 0; fd < 0 && errno == EADDRNOTAVAIL && wait < most_waits; wait++) {
    poll(NULL, 0, 1);
    fd = listen_for(check);
  }
  return fd;
}

bool go_alone(const struct order *order) {
  if (!leave()) return false;
  bring_up_loopback();
  /* Where sockets of the system's lie. What can't be covered can't be made there either, which the check then says. */
  mount("none", "/run", "tmpfs", 0, NULL);
  mount("none", "/var", "tmpfs", 0, NULL);
  struct pollfd datagrams[most_checks];
  nfds_t count = 0;
  for (int at = 0; at < order->check_count; at++) {
    const struct check *check = &order->checks[at];
    int fd = is_network(check) ? put_there(check) : -1;
    if (fd >= 0 && is_datagram(check)) datagrams[count++] = (struct pollfd){fd, POLLIN, 0};
  }
  if (count > 0) answer_datagrams(datagrams, count);
  return true;
}
