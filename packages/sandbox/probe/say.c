#include "probe.h"

#include <string.h>
#include <unistd.h>

static char pending[256 * 1024];
static size_t used;

static void put(char byte) {
  if (used < sizeof pending) pending[used++] = byte;
}

void say(const char *text) {
  while (*text != 0) put(*text++);
}

void say_number(long long value) {
  char digits[24];
  int count = 0;
  unsigned long long rest = value < 0 ? 0ULL - (unsigned long long)value : (unsigned long long)value;
  do digits[count++] = (char)('0' + rest % 10);
  while ((rest /= 10) != 0);
  if (value < 0) put('-');
  while (count > 0) put(digits[--count]);
}

void say_encoded(const char *text, size_t size) {
  static const char hex[] = "0123456789abcdef";
  for (size_t at = 0; at < size; at++) {
    unsigned char byte = (unsigned char)text[at];
    if (byte > 0x20 && byte < 0x7f && byte != '%') {
      put((char)byte);
      continue;
    }
    put('%');
    put(hex[byte >> 4]);
    put(hex[byte & 15]);
  }
}

bool say_now(void) {
  for (size_t at = 0; at < used;) {
    ssize_t wrote = write(1, pending + at, used - at);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    at += (size_t)wrote;
  }
  used = 0;
  return true;
}

const char *error_name(int error) {
  static const struct {
    int number;
    const char *name;
  } names[] = {
      {0, "-"},
      {EPERM, "EPERM"},
      {ENOENT, "ENOENT"},
      {ESRCH, "ESRCH"},
      {EIO, "EIO"},
      {ENXIO, "ENXIO"},
      {E2BIG, "E2BIG"},
      {ENOEXEC, "ENOEXEC"},
      {EBADF, "EBADF"},
      {EAGAIN, "EAGAIN"},
      {ENOMEM, "ENOMEM"},
      {EACCES, "EACCES"},
      {EFAULT, "EFAULT"},
      {EBUSY, "EBUSY"},
      {EEXIST, "EEXIST"},
      {ENODEV, "ENODEV"},
      {ENOTDIR, "ENOTDIR"},
      {EISDIR, "EISDIR"},
      {EINVAL, "EINVAL"},
      {EINTR, "EINTR"},
      {ENFILE, "ENFILE"},
      {EMFILE, "EMFILE"},
      {ENOTTY, "ENOTTY"},
      {ETXTBSY, "ETXTBSY"},
      {ENOSPC, "ENOSPC"},
      {EROFS, "EROFS"},
      {EPIPE, "EPIPE"},
      {ENAMETOOLONG, "ENAMETOOLONG"},
      {ENOSYS, "ENOSYS"},
      {ELOOP, "ELOOP"},
      {ENODATA, "ENODATA"},
      {EPROTO, "EPROTO"},
      {EPROTONOSUPPORT, "EPROTONOSUPPORT"},
      {ESOCKTNOSUPPORT, "ESOCKTNOSUPPORT"},
      {EAFNOSUPPORT, "EAFNOSUPPORT"},
      {EADDRNOTAVAIL, "EADDRNOTAVAIL"},
      {ENETUNREACH, "ENETUNREACH"},
      {ENOBUFS, "ENOBUFS"},
      {ECONNRESET, "ECONNRESET"},
      {ETIMEDOUT, "ETIMEDOUT"},
      {ECONNREFUSED, "ECONNREFUSED"},
      {EHOSTUNREACH, "EHOSTUNREACH"},
      {ENOKEY, "ENOKEY"},
  };
  for (size_t at = 0; at < sizeof names / sizeof names[0]; at++)
    if (names[at].number == error) return names[at].name;
  return "EUNKNOWN";
}
