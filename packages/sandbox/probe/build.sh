#!/bin/sh
# Builds the probe: the same sources and compiler give the same bytes. Usage: build.sh <file to write>
set -eu
cd "$(dirname "$0")"
exec musl-gcc -std=gnu11 -static -Os -s -Wall -Wextra -Werror -Wno-unused-result \
  -fno-asynchronous-unwind-tables -fno-ident -ffunction-sections -fstack-protector-strong \
  -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,relro \
  -o "$1" alone.c file.c init.c kernel.c main.c network.c order.c process.c say.c tries.c view.c
