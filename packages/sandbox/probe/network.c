#define _GNU_SOURCE
#include "probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Past this a target is neither reached nor refused. Inside a box every answer is at once. */
enum { deadline_ms = 2000 };

static const char http_request[] =
    "GET /amc/health HTTP/1.1\r\nhost: amc\r\nconnection: close\r\n\r\n";
/* Who are the name servers of the root? */
static const char dns_request[] = {0x41, 0x4d, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1};

struct dial {
  struct check *check;
  int fd;
  bool is_connected;
};

static bool is_kind(const struct check *check, const char *kind) {
  return strcmp(check->kind, kind) == 0;
}

bool is_network(const struct check *check) {
  return is_kind(check, "tcp") || is_kind(check, "http") || is_kind(check, "udp") ||
         is_kind(check, "dns") || is_kind(check, "unix") || is_kind(check, "abstract");
}

bool is_datagram(const struct check *check) {
  return is_kind(check, "udp") || is_kind(check, "dns");
}

struct address {
  struct sockaddr_storage bytes;
  socklen_t size;
};

static bool unix_address(struct address *to, const char *path, bool is_abstract) {
  struct sockaddr_un *address = (struct sockaddr_un *)&to->bytes;
  size_t size = strlen(path);
  if (size + 1 > sizeof address->sun_path) return false;
  address->sun_family = AF_UNIX;
  memcpy(address->sun_path + (is_abstract ? 1 : 0), path, size);
  to->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + 1);
  return true;
}

static bool internet_address(struct address *to, const char *host, const char *port) {
  struct sockaddr_in *four = (struct sockaddr_in *)&to->bytes;
  struct sockaddr_in6 *six = (struct sockaddr_in6 *)&to->bytes;
  in_port_t number = htons((uint16_t)strtoul(port, NULL, 10));
  if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = number;
    to->size = sizeof *four;
    return true;
  }
  if (inet_pton(AF_INET6, host, &six->sin6_addr) != 1) return false;
  six->sin6_family = AF_INET6;
  six->sin6_port = number;
  to->size = sizeof *six;
  return true;
}

static bool address_of(struct address *to, const struct check *check) {
  memset(to, 0, sizeof *to);
  if (is_kind(check, "unix")) return unix_address(to, check->args[0], false);
  if (is_kind(check, "abstract")) return unix_address(to, check->args[0], true);
  return internet_address(to, check->args[0], check->args[1]);
}

int listen_for(const struct check *check) {
  struct address at;
  if (!address_of(&at, check)) return -1;
  int type = is_datagram(check) ? SOCK_DGRAM : SOCK_STREAM;
  int fd = socket(at.bytes.ss_family, type | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  bool is_there = bind(fd, (struct sockaddr *)&at.bytes, at.size) == 0 &&
                  (is_datagram(check) || listen(fd, 1) == 0);
  if (is_there) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

static void settle(struct dial *dial, struct result result) {
  dial->check->result = result;
  close(dial->fd);
  dial->fd = -1;
}

/* Connected is reached, but for what must answer too: a datagram alone shows nothing. */
static void connected(struct dial *dial) {
  const struct check *check = dial->check;
  bool must_answer = is_datagram(check) || is_kind(check, "http");
  if (!must_answer) return settle(dial, was_reached());
  dial->is_connected = true;
  ssize_t sent = is_kind(check, "http")  ? send(dial->fd, http_request, sizeof http_request - 1, MSG_NOSIGNAL)
                 : is_kind(check, "dns") ? send(dial->fd, dns_request, sizeof dns_request, MSG_NOSIGNAL)
                                         : send(dial->fd, "amc", 3, MSG_NOSIGNAL);
  if (sent < 0) settle(dial, was_denied(errno));
}

static void begin(struct dial *dial) {
  struct address to;
  if (!address_of(&to, dial->check)) return settle(dial, not_known(EINVAL));
  int type = is_datagram(dial->check) ? SOCK_DGRAM : SOCK_STREAM;
  dial->fd = socket(to.bytes.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (dial->fd < 0) return settle(dial, was_denied(errno));
  if (connect(dial->fd, (struct sockaddr *)&to.bytes, to.size) == 0) return connected(dial);
  /* A unix socket whose queue is full is there, and takes whoever waits. */
  if (errno == EAGAIN) return settle(dial, was_reached());
  if (errno != EINPROGRESS) settle(dial, was_denied(errno));
}

static void go_on(struct dial *dial) {
  if (!dial->is_connected) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error == 0 ? connected(dial) : settle(dial, was_denied(error));
  }
  char answer[16] = {0};
  ssize_t got = recv(dial->fd, answer, sizeof answer - 1, 0);
  if (got < 0) {
    if (errno != EAGAIN && errno != EINTR) settle(dial, was_denied(errno));
  } else if (is_datagram(dial->check)) settle(dial, was_reached());
  else settle(dial, strncmp(answer, "HTTP/1.", 7) == 0 ? was_reached() : was_denied(EPROTO));
}

static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool wait_once(struct dial *dials, int count, long until) {
  struct pollfd polled[most_checks];
  int open = 0;
  for (int at = 0; at < count; at++) {
    short events = dials[at].is_connected ? POLLIN : POLLOUT;
    polled[at] = (struct pollfd){dials[at].fd, events, 0};
    if (dials[at].fd >= 0) open++;
  }
  long left = until - now_ms();
  if (open == 0 || left <= 0) return false;
  if (poll(polled, (nfds_t)count, (int)left) < 0 && errno != EINTR) return false;
  for (int at = 0; at < count; at++)
    if (polled[at].revents != 0 && dials[at].fd >= 0) go_on(&dials[at]);
  return true;
}

void try_network(struct order *order) {
  struct dial dials[most_checks];
  int count = 0;
  for (int at = 0; at < order->check_count; at++) {
    if (!is_network(&order->checks[at])) continue;
    dials[count] = (struct dial){&order->checks[at], -1, false};
    begin(&dials[count++]);
  }
  long until = now_ms() + deadline_ms;
  while (wait_once(dials, count, until)) continue;
  for (int at = 0; at < count; at++)
    if (dials[at].fd >= 0) settle(&dials[at], not_known(ETIMEDOUT));
}
