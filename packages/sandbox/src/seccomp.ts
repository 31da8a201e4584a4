import { AmcError } from "@amc/core"
import { type FilteredArch, type SyscallTable, syscallTables } from "./syscalls.ts"

/** One classic BPF instruction: code, jump if true, jump if false, operand (linux/filter.h). */
export type Instruction = readonly [code: number, jt: number, jf: number, k: number]

const loadWord = 0x20
const and = 0x54
const jumpEqual = 0x15
const jumpGreaterOrEqual = 0x35
const give = 0x06

const allow = 0x7fff_0000
const killProcess = 0x8000_0000
const enosys = 0x0005_0026
/**
 * What a filter does with a denied call. `eperm` fails it. `ask` asks whoever listens at the filter, who says EPERM and
 * counts; where nobody listens the kernel fails the call with ENOSYS.
 */
export const refusals = { eperm: 0x0005_0001, ask: 0x7fc0_0000 } as const

/** Offsets in `struct seccomp_data`; arguments are read by their low word, which is all these calls use. */
const offset = { nr: 0, arch: 4, args: 16 } as const
const argBytes = 8
const word = 0xffff_ffff

/** A call is refused if an argument, under the mask, is the value. */
export interface Refusal {
  readonly call: string
  readonly arg: number
  readonly mask: number
  readonly value: number
}

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. */
const newNamespaces = [25, 17, 26, 27, 28, 29, 30].map((bit) => 2 ** bit)
/** TIOCSTI types into, and TIOCLINUX pastes into, the terminal of who started the agent. */
const terminalInjection = [0x5412, 0x541c]
const deviceTypes = [0x2000, 0x6000]
const fileType = 0xf000

const is = (call: string, arg: number, value: number): Refusal => ({ call, arg, mask: word, value })

/** The calls that are denied by what they are asked: an agent has no honest use for these. */
export const refusedArguments: readonly Refusal[] = [
  ...newNamespaces.map((flag) => ({ call: "clone", arg: 0, mask: flag, value: flag })),
  ...terminalInjection.map((request) => is("ioctl", 1, request)),
]

/**
 * What the kernel denies to an agent by itself, but would tell nobody of: signals to the box's first process, which is not
 * the agent's, becoming root, device files. Not for an engine's filter, which answers without telling either, and which the
 * engine's own program loads while it is that process.
 */
const toldArguments: readonly Refusal[] = [
  ...["kill", "rt_sigqueueinfo", "pidfd_open"].map((call) => is(call, 0, 1)),
  is("setuid", 0, 0),
  ...[0, 1].map((arg) => is("setreuid", arg, 0)),
  ...[0, 1, 2].map((arg) => is("setresuid", arg, 0)),
  ...deviceTypes.map((value) => ({ call: "mknod", arg: 1, mask: fileType, value })),
  ...deviceTypes.map((value) => ({ call: "mknodat", arg: 2, mask: fileType, value })),
]
const boxArguments = [...refusedArguments, ...toldArguments]

/** SECCOMP_FILTER_FLAG_NEW_LISTENER: who listens at a filter of his own may let a call pass that another one asks about. */
const newListener: Refusal = { call: "seccomp", arg: 1, mask: 8, value: 8 }

/** AF_UNIX, AF_INET and AF_INET6: no netlink, packet, vsock, alg, xdp … */
export const socketFamilies: readonly number[] = [1, 2, 10]

/** A box's two filters, which refuse the same calls. */
export interface SeccompFilters {
  /** For bubblewrap's `--seccomp`: with nobody who could be asked. */
  readonly wall: Buffer
  /** For the probe, which puts it over the wall with somebody to ask; from then on nobody else can listen. */
  readonly asking: Buffer
}

/**
 * The agent's seccomp filters as `struct sock_filter[]`.
 *
 * Denied calls fail; `clone3`, whose flags a filter can't see, with ENOSYS, so that libc falls back to `clone`; calls of
 * another ABI kill the process.
 *
 * @throws {@link AmcError} `sandbox/unavailable` on a processor that there is no table for
 */
export function seccompFilters(arch: string): SeccompFilters {
  const table = tableOf(arch)
  const asking = seccompProgram(table, refusals.ask, [...boxArguments, newListener])
  return { wall: encode(seccompProgram(table, refusals.ask)), asking: encode(asking) }
}

/** A filter's instructions for one table, in the order they run. */
export function seccompProgram(
  table: SyscallTable,
  refusal: number,
  asked: readonly Refusal[] = boxArguments,
): readonly Instruction[] {
  const program: Instruction[] = [
    [loadWord, 0, 0, offset.arch],
    [jumpEqual, 1, 0, table.audit],
    [give, 0, 0, killProcess],
    [loadWord, 0, 0, offset.nr],
  ]
  if (table.foreignAbiFrom !== null)
    program.push([jumpGreaterOrEqual, 0, 1, table.foreignAbiFrom], [give, 0, 0, killProcess])
  for (const nr of Object.values(table.denied))
    program.push(...whenCall(nr, [[give, 0, 0, refusal]]))
  program.push(...whenCall(table.clone3, [[give, 0, 0, enosys]]))
  for (const [call, nr] of Object.entries(table.asked)) {
    const own = asked.filter((each) => each.call === call)
    program.push(...whenCall(nr, [...own.flatMap((each) => when(each, refusal)), pass]))
  }
  for (const nr of [table.socket, table.socketpair])
    program.push(...whenCall(nr, allowOnly(socketFamilies, refusal)))
  program.push(pass)
  return program
}

const pass: Instruction = [give, 0, 0, allow]

/** Runs `body`, which ends in a verdict, for one call; other calls go on behind it. */
function whenCall(nr: number, body: readonly Instruction[]): readonly Instruction[] {
  return [[jumpEqual, 0, body.length, nr], ...body]
}

function when({ arg, mask, value }: Refusal, refusal: number): readonly Instruction[] {
  return [
    [loadWord, 0, 0, offset.args + arg * argBytes],
    [and, 0, 0, mask],
    [jumpEqual, 0, 1, value],
    [give, 0, 0, refusal],
  ]
}

function allowOnly(values: readonly number[], refusal: number): readonly Instruction[] {
  const tests = values.flatMap((value): Instruction[] => [[jumpEqual, 0, 1, value], pass])
  return [[loadWord, 0, 0, offset.args], ...tests, [give, 0, 0, refusal]]
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
