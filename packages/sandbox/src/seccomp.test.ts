import { assert, constantFrom, nat, oneof, property } from "fast-check"
import { expect, test } from "vitest"
import { type DockerSeccompProfile, dockerSeccompProfile } from "./docker-seccomp.ts"
import { type Instruction, seccompFilter, seccompProgram } from "./seccomp.ts"
import { type FilteredArch, syscallTables } from "./syscalls.ts"

const allow = 0x7fff_0000
const kill = 0x8000_0000
const eperm = 0x0005_0001
const enosys = 0x0005_0026

interface Call {
  readonly arch: number
  readonly nr: number
  readonly args?: readonly [number, number]
}

/** A classic BPF machine for the five instructions that are used. */
function decide(program: readonly Instruction[], { arch, nr, args = [0, 0] }: Call): number {
  const data = new Map([
    [0, nr],
    [4, arch],
    [16, args[0]],
    [24, args[1]],
  ])
  let value = 0
  for (let at = 0; at < program.length; at++) {
    const [code, jt, jf, k] = program[at] ?? [0, 0, 0, 0]
    if (code === 0x06) return k >>> 0
    if (code === 0x20) value = (data.get(k) ?? 0) >>> 0
    else if (code === 0x15) at += value === k >>> 0 ? jt : jf
    else if (code === 0x35) at += value >= k >>> 0 ? jt : jf
    else if (code === 0x45) at += (value & k) !== 0 ? jt : jf
    else throw new Error(`unknown code ${code}`)
  }
  throw new Error("ran over the end")
}

const each = (["x64", "arm64"] as const).map((name: FilteredArch) => ({
  name,
  table: syscallTables[name],
  program: seccompProgram(syscallTables[name]),
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
    table.clone,
    table.clone3,
    table.ioctl,
    table.socket,
    table.socketpair,
  ])
  for (let nr = 0; nr < 470; nr++)
    if (!named.has(nr)) expect(decide(program, { arch: table.audit, nr })).toBe(allow)
})

test.each(each)(
  "$name: namespaces, terminals and foreign sockets are closed",
  ({ table, program }) => {
    const arch = table.audit
    const of = (nr: number, a = 0, b = 0): number => decide(program, { arch, nr, args: [a, b] })
    expect(of(table.clone3)).toBe(enosys)
    expect(of(table.clone, 0x11)).toBe(allow)
    for (const flag of [
      0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000,
    ])
      expect(of(table.clone, flag | 0x11)).toBe(eperm)
    expect([
      of(table.ioctl, 0, 0x5413),
      of(table.ioctl, 0, 0x5412),
      of(table.ioctl, 0, 0x541c),
    ]).toEqual([allow, eperm, eperm])
    for (let family = 0; family < 50; family++)
      for (const nr of [table.socket, table.socketpair])
        expect(of(nr, family)).toBe([1, 2, 10].includes(family) ? allow : eperm)
  },
)

test("calls of another ABI kill", () => {
  const program = seccompProgram(syscallTables.x64)
  expect(decide(program, { arch: 0x4000_0003, nr: 0 })).toBe(kill)
  expect(decide(program, { arch: syscallTables.x64.audit, nr: 0x4000_0000 + 101 })).toBe(kill)
})

test("the bytes are one sock_filter for each instruction", () => {
  const bytes = seccompFilter("x64")
  expect(bytes.length).toBe(seccompProgram(syscallTables.x64).length * 8)
  expect(bytes.subarray(0, 8).toString("hex")).toBe("2000000004000000")
})

test("an unknown processor is refused", () => {
  for (const arch of ["riscv64", "constructor"])
    expect(() => seccompFilter(arch)).toThrow(
      expect.objectContaining({ code: "sandbox/unavailable" }),
    )
})

/** What an engine's filter does with a call: the first of its rules that fits decides. */
function engineDecides(
  { profile }: DockerSeccompProfile,
  name: string,
  args: readonly [number, number],
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
  "$name: an engine's profile decides as the filter does",
  ({ name, table, program }) => {
    const profile = dockerSeccompProfile(name)
    const { clone, clone3, ioctl, socket, socketpair, denied } = table
    const numbers = { clone, clone3, ioctl, socket, socketpair, ...denied, read: 63 }
    const args = oneof(
      nat(70),
      constantFrom(0x5412, 0x541c, 0x1_5412, 0x1_0003, 0x1000_0011),
      nat(),
    )
    assert(
      property(constantFrom(...Object.entries(numbers)), args, args, ([call, nr], a, b) => {
        const filter = decide(program, { arch: table.audit, nr, args: [a, b] })
        expect(engineDecides(profile, call, [a, b])).toBe(filter)
      }),
      { numRuns: 2000 },
    )
    expect(engineDecides(profile, "ioctl", [0, 2 ** 40 + 0x5412])).toBe(eperm)
    expect(engineDecides(profile, "socket", [2 ** 40 + 2, 0])).toBe(eperm)
    expect(profile.profile.archMap).toHaveLength(1)
    expect(profile.sha256).toMatch(/^[0-9a-f]{64}$/)
  },
)
