#include "probe.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { largest_order = 4 * 1024 * 1024 };

bool read_exactly(void *to, size_t size) {
  for (size_t at = 0; at < size;) {
    ssize_t got = read(0, (char *)to + at, size - at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += (size_t)got;
  }
  return true;
}

/* The order's bytes are fields that each end in a zero byte. */
struct fields {
  char *at;
  char *end;
};

static char *next_field(struct fields *fields) {
  if (fields->at >= fields->end) return NULL;
  char *zero = memchr(fields->at, 0, (size_t)(fields->end - fields->at));
  if (zero == NULL) return NULL;
  char *field = fields->at;
  fields->at = zero + 1;
  return field;
}

static bool is_id(const char *text) {
  size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_.");
  return size > 0 && size <= 64 && text[size] == 0;
}

static bool take_check(struct order *order, struct fields *fields) {
  if (order->check_count == most_checks) return false;
  struct check *check = &order->checks[order->check_count++];
  check->id = next_field(fields);
  check->kind = next_field(fields);
  for (int at = 0; at < 3; at++) check->args[at] = next_field(fields);
  check->result = not_known(ENODATA);
  return check->args[2] != NULL && is_id(check->id);
}

static bool take_string(char **strings, int *count, struct fields *fields) {
  char *string = next_field(fields);
  if (string == NULL || *count == most_strings) return false;
  strings[(*count)++] = string;
  return true;
}

static bool take_canary(struct order *order, struct fields *fields) {
  if (order->canary != NULL) return false;
  order->canary = next_field(fields);
  return order->canary != NULL && strlen(order->canary) >= 16 &&
         strlen(order->canary) <= canary_max;
}

static bool take_filter(struct order *order, struct fields *fields) {
  if (order->filter != NULL) return false;
  order->filter_to = next_field(fields);
  order->filter = next_field(fields);
  return order->filter != NULL;
}

static bool take_fields(struct order *order, struct fields *fields) {
  const char *word = next_field(fields);
  if (word == NULL || strcmp(word, "amc-order/1") != 0) return false;
  for (;;) {
    word = next_field(fields);
    if (word == NULL) return false;
    if (strcmp(word, "end") == 0) return fields->at == fields->end && order->canary != NULL;
    bool taken = strcmp(word, "canary") == 0  ? take_canary(order, fields)
                 : strcmp(word, "filter") == 0 ? take_filter(order, fields)
                 : strcmp(word, "check") == 0 ? take_check(order, fields)
                 : strcmp(word, "arg") == 0   ? take_string(order->args, &order->arg_count, fields)
                 : strcmp(word, "env") == 0   ? take_string(order->env, &order->env_count, fields)
                                              : false;
    if (!taken) return false;
  }
}

bool read_order(struct order *order) {
  char digits[9] = {0};
  if (!read_exactly(digits, 8) || strspn(digits, "0123456789abcdef") != 8) return false;
  size_t size = strtoul(digits, NULL, 16);
  if (size == 0 || size > largest_order) return false;
  char *bytes = malloc(size);
  if (bytes == NULL || !read_exactly(bytes, size)) return false;
  struct fields fields = {bytes, bytes + size};
  return take_fields(order, &fields);
}
