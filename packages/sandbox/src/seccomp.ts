import { AmcError } from "@amc/core"
import { type FilteredArch, type SyscallTable, syscallTables } from "./syscalls.ts"

/** One classic BPF instruction: code, jump if true, jump if false, operand (linux/filter.h). */
export type Instruction = readonly [code: number, jt: number, jf: number, k: number]

const loadWord = 0x20
const jumpEqual = 0x15
const jumpGreaterOrEqual = 0x35
const jumpAnySet = 0x45
const give = 0x06

const allow = 0x7fff_0000
const killProcess = 0x8000_0000
const eperm = 0x0005_0001
const enosys = 0x0005_0026

/** Offsets in `struct seccomp_data`; arguments are read by their low word, which is all these calls use. */
const offset = { nr: 0, arch: 4, arg0: 16, arg1: 24 } as const

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. */
export const cloneNewAnything: number = 0x7e02_0000
/** TIOCSTI types into, and TIOCLINUX pastes into, the terminal of who started the agent. */
export const terminalInjection: readonly number[] = [0x5412, 0x541c]
/** AF_UNIX, AF_INET and AF_INET6: no netlink, packet, vsock, alg, xdp … */
export const socketFamilies: readonly number[] = [1, 2, 10]

/**
 * The agent's seccomp filter as `struct sock_filter[]`, for bubblewrap's `--seccomp`.
 *
 * Denied calls fail with EPERM; `clone3`, whose flags a filter can't see, with ENOSYS, so that libc falls
 * back to `clone`; calls of another ABI kill the process.
 *
 * @throws {@link AmcError} `sandbox/unavailable` on a processor that there is no table for
 */
export function seccompFilter(arch: string): Buffer {
  return encode(seccompProgram(tableOf(arch)))
}

/** The filter's instructions for one table, in the order they run. */
export function seccompProgram(table: SyscallTable): readonly Instruction[] {
  const program: Instruction[] = [
    [loadWord, 0, 0, offset.arch],
    [jumpEqual, 1, 0, table.audit],
    [give, 0, 0, killProcess],
    [loadWord, 0, 0, offset.nr],
  ]
  if (table.foreignAbiFrom !== null)
    program.push([jumpGreaterOrEqual, 0, 1, table.foreignAbiFrom], [give, 0, 0, killProcess])
  for (const nr of Object.values(table.denied)) program.push(...whenCall(nr, [[give, 0, 0, eperm]]))
  program.push(...whenCall(table.clone3, [[give, 0, 0, enosys]]))
  program.push(...whenCall(table.clone, refuseIf(offset.arg0, jumpAnySet, [cloneNewAnything])))
  program.push(...whenCall(table.ioctl, refuseIf(offset.arg1, jumpEqual, terminalInjection)))
  for (const nr of [table.socket, table.socketpair])
    program.push(...whenCall(nr, allowOnly(offset.arg0, socketFamilies)))
  program.push([give, 0, 0, allow])
  return program
}

/** Runs `body`, which ends in a verdict, for one call; other calls go on behind it. */
function whenCall(nr: number, body: readonly Instruction[]): readonly Instruction[] {
  return [[jumpEqual, 0, body.length, nr], ...body]
}

function refuseIf(arg: number, test: number, values: readonly number[]): readonly Instruction[] {
  const tests = values.flatMap((value): Instruction[] => [
    [test, 0, 1, value],
    [give, 0, 0, eperm],
  ])
  return [[loadWord, 0, 0, arg], ...tests, [give, 0, 0, allow]]
}

function allowOnly(arg: number, values: readonly number[]): readonly Instruction[] {
  const tests = values.flatMap((value): Instruction[] => [
    [jumpEqual, 0, 1, value],
    [give, 0, 0, allow],
  ])
  return [[loadWord, 0, 0, arg], ...tests, [give, 0, 0, eperm]]
}

/** @throws {@link AmcError} `sandbox/unavailable` */
export function tableOf(arch: string): SyscallTable {
  if (Object.hasOwn(syscallTables, arch)) return syscallTables[arch as FilteredArch]
  throw new AmcError("sandbox/unavailable", `there is no system call filter for ${arch}`)
}

/** Both processors are little-endian. */
function encode(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8)
  program.forEach(([code, jt, jf, k], index) => {
    bytes.writeUInt16LE(code, index * 8)
    bytes.writeUInt8(jt, index * 8 + 2)
    bytes.writeUInt8(jf, index * 8 + 3)
    bytes.writeUInt32LE(k >>> 0, index * 8 + 4)
  })
  return bytes
}
