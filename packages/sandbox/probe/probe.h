/* The isolation probe (spec/sandbox-probe.md): tries what an agent could try, waits, and becomes the agent. */
#ifndef AMC_PROBE_H
#define AMC_PROBE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { most_checks = 128, most_strings = 8192, canary_max = 64 };

enum outcome { denied, reached, inconclusive };

struct result {
  enum outcome outcome;
  int error;
};

struct check {
  const char *id;
  const char *kind;
  const char *args[3];
  struct result result;
};

/* What the monitor asks for. The strings lie in the order's own bytes. */
struct order {
  const char *canary;
  struct check checks[most_checks];
  int check_count;
  char *args[most_strings + 1];
  int arg_count;
  char *env[most_strings + 1];
  int env_count;
  /* A system call filter in hex, and the descriptor of a socket to hand over who is told of it. */
  const char *filter;
  const char *filter_to;
};

static inline struct result was_reached(void) { return (struct result){reached, 0}; }
static inline struct result not_known(int error) { return (struct result){inconclusive, error}; }
/* What ran out, or was interrupted, is no wall: another process might get through. */
static inline struct result was_denied(int error) {
  bool is_want = error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS ||
                 error == EAGAIN || error == EINTR;
  return is_want ? not_known(error) : (struct result){denied, error};
}

/* order.c: reads exactly the order's bytes from stdin, and never one of the agent's. */
bool read_exactly(void *to, size_t size);
bool read_order(struct order *order);

/* network.c: all at once, with one deadline. */
bool is_network(const struct check *check);
void try_network(struct order *order);
/* A socket that takes what the check sends, or -1. */
int listen_for(const struct check *check);
bool is_datagram(const struct check *check);

/* alone.c: goes into namespaces of its own, where something is at every address that the order names. */
bool go_alone(const struct order *order);

/* file.c */
struct result try_read(const char *path, const char *canary);
struct result try_write(const char *path);
struct result try_walk(const char *root, const char *name, bool has_modules);
bool holds(const char *bytes, size_t size, const char *canary);
/* The whole file, ended by a zero byte that does not count; NULL with errno. To be freed. */
char *slurp(const char *path, size_t *size);

/* process.c */
struct result try_environ(const char *canary);
struct result try_visible(const char *pid, const char *started);
struct result try_part(const char *pid, const char *started, const char *part);
struct result try_process(const char *kind, const char *pid, const char *address, const char *fd,
                          const char *canary);
int stand(void);
/* Runs in a child, so that what it changes is gone with it: 0 for reached, else an errno, or unknown_status. */
struct result in_child(int (*deed)(void *), void *with);
enum { unknown_status = 255 };

/* init.c: the first process of a box that an engine makes. It runs a command, takes in orphans, and ends with the command
   or once the other end of the leash, a unix socket, is closed; with it ends the box. */
int init(const char *leash_path, char **command);

/* kernel.c */
struct result try_call(const char *name);

/* tries.c */
bool put_filter(const struct order *order);
int count_tries(int box, char **watched);

/* view.c */
void say_view(void);

/* say.c: lines of printable ASCII on stdout, written whole. */
void say(const char *text);
void say_number(long long value);
void say_encoded(const char *text, size_t size);
bool say_now(void);
const char *error_name(int error);

#endif
