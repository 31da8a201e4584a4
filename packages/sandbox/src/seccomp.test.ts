import { assert, constantFrom, nat, oneof, property } from "fast-check"
import { expect, test } from "vitest"
import { type DockerSeccompProfile, dockerSeccompProfile } from "./docker-seccomp.ts"
import {
  type Instruction,
  refusals,
  refusedArguments,
  seccompFilters,
  seccompProgram,
} from "./seccomp.ts"
import { type FilteredArch, syscallTables } from "./syscalls.ts"

const allow = 0x7fff_0000
const kill = 0x8000_0000
const { ask, eperm } = refusals
const enosys = 0x0005_0026

interface Call {
  readonly arch: number
  readonly nr: number
  readonly args?: readonly number[]
}

/** A classic BPF machine for the instructions that are used. */
function decide(program: readonly Instruction[], { arch, nr, args = [] }: Call): number {
  const data = new Map<number, number>([
    [0, nr],
    [4, arch],
    ...args.map((arg, index) => [16 + index * 8, arg] as const),
  ])
  let value = 0
  for (let at = 0; at < program.length; at++) {
    const [code, jt, jf, k] = program[at] ?? [0, 0, 0, 0]
    if (code === 0x06) return k >>> 0
    if (code === 0x20) value = (data.get(k) ?? 0) >>> 0
    else if (code === 0x15) at += value === k >>> 0 ? jt : jf
    else if (code === 0x35) at += value >= k >>> 0 ? jt : jf
    else if (code === 0x54) value = (value & k) >>> 0
    else throw new Error(`unknown code ${code}`)
  }
  throw new Error("ran over the end")
}

const each = (["x64", "arm64"] as const).map((name: FilteredArch) => ({
  name,
  table: syscallTables[name],
  program: seccompProgram(syscallTables[name], eperm),
}))

test.each(each)("$name: each denied call fails, whatever its arguments", ({ table, program }) => {
  const numbers = Object.values(table.denied)
  expect(new Set(numbers).size).toBe(numbers.length)
  assert(
    property(constantFrom(...numbers), nat(), nat(), (nr, a, b) => {
      expect(decide(program, { arch: table.audit, nr, args: [a, b] })).toBe(eperm)
    }),
  )
})

test.each(each)("$name: calls that are not named are allowed", ({ table, program }) => {
  const named = new Set([
    ...Object.values(table.denied),
    ...Object.values(table.asked),
    table.clone3,
    table.socket,
    table.socketpair,
  ])
  for (let nr = 0; nr < 470; nr++)
    if (!named.has(nr)) expect(decide(program, { arch: table.audit, nr })).toBe(allow)
})

test.each(each)(
  "$name: namespaces, terminals, the first process, root, devices and foreign sockets are closed",
  ({ table, program }) => {
    const arch = table.audit
    const { clone, ioctl, kill: send, setresuid, mknodat } = table.asked as Record<string, number>
    const of = (nr = -1, ...args: readonly number[]): number => decide(program, { arch, nr, args })
    expect(of(table.clone3)).toBe(enosys)
    expect(of(clone, 0x11)).toBe(allow)
    for (const flag of [
      0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000,
    ])
      expect(of(clone, flag | 0x11)).toBe(eperm)
    expect([of(ioctl, 0, 0x5413), of(ioctl, 0, 0x5412), of(ioctl, 0, 0x541c)]).toEqual([
      allow,
      eperm,
      eperm,
    ])
    expect([of(send, 2, 9), of(send, 1, 9), of(send, -1, 9)]).toEqual([allow, eperm, allow])
    expect([of(setresuid, 1, 1, 1), of(setresuid, 1, 1, 0)]).toEqual([allow, eperm])
    expect(
      [0x81a4, 0x11a4, 0x21b6, 0x61b6, 0xc1a4].map((mode) => of(mknodat, -100, 0, mode)),
    ).toEqual([allow, allow, eperm, eperm, allow])
    for (let family = 0; family < 50; family++)
      for (const nr of [table.socket, table.socketpair])
        expect(of(nr, family)).toBe([1, 2, 10].includes(family) ? allow : eperm)
  },
)

test("calls of another ABI kill", () => {
  const program = seccompProgram(syscallTables.x64, ask)
  expect(decide(program, { arch: 0x4000_0003, nr: 0 })).toBe(kill)
  expect(decide(program, { arch: syscallTables.x64.audit, nr: 0x4000_0000 + 101 })).toBe(kill)
})

test("the bytes are one sock_filter for each instruction", () => {
  const { wall } = seccompFilters("x64")
  expect(wall.length).toBe(seccompProgram(syscallTables.x64, ask).length * 8)
  expect(wall.subarray(0, 8).toString("hex")).toBe("2000000004000000")
})

test("the filter that asks differs from the wall in one thing: nobody else may listen at a filter", () => {
  const instructions = (bytes: Buffer): Instruction[] =>
    Array.from({ length: bytes.length / 8 }, (_, at) => [
      bytes.readUInt16LE(at * 8),
      bytes.readUInt8(at * 8 + 2),
      bytes.readUInt8(at * 8 + 3),
      bytes.readUInt32LE(at * 8 + 4),
    ])
  const { wall, asking } = seccompFilters("x64")
  const [before, after] = [instructions(wall), instructions(asking)]
  const { audit: arch, asked } = syscallTables.x64
  for (let nr = 0; nr < 470; nr++)
    for (const args of [
      [0, 0, 0],
      [1, 8, 0x2000],
      [0x1000_0000, 0x5412, 1],
    ]) {
      const isListening = nr === asked["seccomp"] && args[1] === 8
      expect(decide(after, { arch, nr, args })).toBe(
        isListening ? ask : decide(before, { arch, nr, args }),
      )
    }
})

test("an unknown processor is refused", () => {
  for (const arch of ["riscv64", "constructor"])
    expect(() => seccompFilters(arch)).toThrow(
      expect.objectContaining({ code: "sandbox/unavailable" }),
    )
})

/** What an engine's filter does with a call: the first of its rules that fits decides. */
function engineDecides(
  { profile }: DockerSeccompProfile,
  name: string,
  args: readonly number[],
): number {
  const isMet = ({ index, op, value, valueTwo }: Condition): boolean => {
    const arg = args[index] ?? 0
    if (op === "SCMP_CMP_GT") return arg > value
    return Number(BigInt(arg) & BigInt(value)) === valueTwo
  }
  const rule = profile.syscalls.find(
    ({ names, args: conditions = [] }) => names.includes(name) && conditions.every(isMet),
  )
  return rule === undefined ? allow : 0x0005_0000 | rule.errnoRet
}
type Condition = NonNullable<DockerSeccompProfile["profile"]["syscalls"][number]["args"]>[number]

test.each(each)(
  "$name: an engine's profile decides as a box's filter, but for what the kernel denies by itself",
  ({ name, table }) => {
    const program = seccompProgram(table, refusals.eperm, refusedArguments)
    const profile = dockerSeccompProfile(name)
    const { clone3, socket, socketpair, asked, denied } = table
    const numbers = { clone3, socket, socketpair, ...asked, ...denied, read: 63 }
    const args = oneof(
      nat(70),
      constantFrom(0x5412, 0x541c, 0x1_5412, 0x1_0003, 0x1000_0011, 0x21a4, 0x61a4),
      nat(),
    )
    assert(
      property(
        constantFrom(...Object.entries(numbers)),
        args,
        args,
        args,
        ([call, nr], ...given) => {
          const filter = decide(program, { arch: table.audit, nr, args: given })
          expect(engineDecides(profile, call, given)).toBe(filter)
        },
      ),
      { numRuns: 2000 },
    )
    expect(engineDecides(profile, "ioctl", [0, 2 ** 40 + 0x5412])).toBe(eperm)
    expect(engineDecides(profile, "socket", [2 ** 40 + 2, 0])).toBe(eperm)
    expect(profile.profile.archMap).toHaveLength(1)
    expect(profile.sha256).toMatch(/^[0-9a-f]{64}$/)
  },
)
