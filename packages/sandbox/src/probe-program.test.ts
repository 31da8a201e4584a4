import { spawnSync } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import path from "node:path"
import { assert, oneof, property, string, uint8Array } from "fast-check"
import { afterAll, beforeAll, expect, test } from "vitest"
import { answerBegin, answerEnd, parseAnswer, type ProbeAnswer } from "./probe-answer.ts"
import { probeBinary } from "./probe-binary.ts"
import { type CheckKind, encodeOrder, type ProbeOrder } from "./probe-order.ts"

const canary = "0123456789abcdef".repeat(4)
let folder: string
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "amc-test-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Gives the program these bytes as its whole input. */
function run(input: Uint8Array): { out: string; code: number | null } {
  const { stdout, status } = spawnSync(probeBinary().file, [], { input, env: {}, timeout: 20_000 })
  return { out: stdout.toString("latin1"), code: status }
}

function orderOf(
  kind: CheckKind,
  args: readonly string[],
  changes: Partial<ProbeOrder> = {},
): Buffer {
  const checks = [{ id: "x.y", spec: { kind, args } }]
  return encodeOrder({ canary, checks, command: ["true"], env: {}, ...changes })
}

function answerTo(order: Buffer): ProbeAnswer | null {
  const lines = run(order).out.trimEnd().split("\n")
  if (lines.shift() !== answerBegin || lines.pop() !== answerEnd) return null
  return parseAnswer(lines)
}

const outcomeOf = (kind: CheckKind, ...args: readonly string[]): string | undefined =>
  answerTo(orderOf(kind, args))?.results.get("x.y")?.outcome

const go = `GO! ${"ab".repeat(16)}`

test("an order that is not one is refused, whatever its bytes", () => {
  const valid = orderOf("read", ["/"])
  const framed = uint8Array({ maxLength: 300 }).map((bytes) =>
    Buffer.concat([Buffer.from(bytes.length.toString(16).padStart(8, "0")), bytes]),
  )
  const cut = uint8Array({ minLength: 1, maxLength: 1 }).map(([size = 0]) =>
    valid.subarray(0, size % valid.length),
  )
  assert(
    property(oneof(uint8Array({ maxLength: 300 }).map(Buffer.from), framed, cut), (bytes) => {
      expect(run(bytes)).toEqual({ out: "failed EPROTO\n", code: 125 })
    }),
    { numRuns: 150 },
  )
})

test.each([
  { why: "no canary", fields: ["amc-order/1", "end"] },
  { why: "two canaries", fields: ["amc-order/1", "canary", canary, "canary", canary, "end"] },
  { why: "a short canary", fields: ["amc-order/1", "canary", "short", "end"] },
  { why: "another version", fields: ["amc-order/2", "canary", canary, "end"] },
  { why: "an unknown word", fields: ["amc-order/1", "canary", canary, "more", "end"] },
  { why: "something behind its end", fields: ["amc-order/1", "canary", canary, "end", "end"] },
  { why: "no end", fields: ["amc-order/1", "canary", canary] },
  {
    why: "a bad id",
    fields: ["amc-order/1", "canary", canary, "check", "A b", "read", "", "", "", "end"],
  },
  {
    why: "too many checks",
    fields: [
      "amc-order/1",
      "canary",
      canary,
      ...Array.from({ length: 129 }, () => ["check", "a.b", "read", "", "", ""]).flat(),
      "end",
    ],
  },
])("an order with $why is refused", ({ fields }) => {
  const body = fields.map((field) => `${field}\0`).join("")
  const bytes = Buffer.from(body.length.toString(16).padStart(8, "0") + body)
  expect(run(bytes)).toEqual({ out: "failed EPROTO\n", code: 125 })
})

test("an answer of any lines is read or refused, and never throws", () => {
  const piece = string({ maxLength: 40 })
  assert(
    property(piece, piece, (one, other) => {
      const answer = parseAnswer([one, `see ${other} i 1`, `check ${one} denied ${other}`])
      expect(answer === null || answer.results.size <= 1).toBe(true)
    }),
  )
  expect(parseAnswer(["see a s %41%20", "see b b 1", "see c i -7"])?.inside).toEqual({
    a: "A ",
    b: true,
    c: -7,
  })
  expect(parseAnswer(["see a i 1", "see a i 2"])).toBeNull()
})

test("a word with a zero byte can't be ordered", () => {
  expect(() => orderOf("read", [], { env: { A: "b\0end" } })).toThrow(
    expect.objectContaining({ code: "usage/invalid" }),
  )
})

test("a file is reached when it could be opened, and a canary when it was read", () => {
  const file = (name: string, text: string): string => {
    writeFileSync(path.join(folder, name), text)
    return path.join(folder, name)
  }
  expect(outcomeOf("read", file("plain", "text"))).toBe("reached")
  expect(outcomeOf("read", file("canary", `..${canary}`), canary)).toBe("reached")
  expect(outcomeOf("read", file("other", "text"), canary)).toBe("inconclusive")
  expect(outcomeOf("read", path.join(folder, "missing"))).toBe("denied")
})

test("a walk finds the name, an .amc that holds anything, and nothing else", () => {
  mkdirSync(path.join(folder, "walk/deep/.amc"), { recursive: true })
  expect(outcomeOf("walk", path.join(folder, "walk"), "needle")).toBe("denied")
  expect(outcomeOf("walk", path.join(folder, "walk"), "deep")).toBe("reached")
  writeFileSync(path.join(folder, "walk/deep/.amc/vault"), "")
  expect(outcomeOf("walk", path.join(folder, "walk"), "needle")).toBe("reached")
  expect(outcomeOf("walk", "/nowhere", "needle")).toBe("denied")
})

test("an address that does not answer in time decides nothing", async () => {
  // It listens, and can't answer: this process waits for the probe.
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done))
  const { port } = server.address() as { port: number }
  expect(outcomeOf("http", "127.0.0.1", String(port))).toBe("inconclusive")
  expect(outcomeOf("tcp", "127.0.0.1", String(port))).toBe("reached")
  await new Promise((done) => server.close(done))
  expect(outcomeOf("tcp", "127.0.0.1", String(port))).toBe("denied")
  expect(outcomeOf("tcp", "not an address", "1")).toBe("inconclusive")
})

test("what the program could not try for want of descriptors is neither denied nor reached", () => {
  const kinds: readonly [CheckKind, ...string[]][] = [
    ["read", "/etc/passwd"],
    ["write", folder],
    ["walk", folder, "name"],
    ["unix", "/run/docker.sock"],
    ["abstract", "name"],
    ["tcp", "127.0.0.1", "1"],
    ["udp", "127.0.0.1", "1"],
    ["dns", "127.0.0.1", "53"],
    ["http", "127.0.0.1", "1"],
    ["environ"],
    ["visible", "1", "1"],
    ["part", "1", "1", "mem"],
    ["memory", "1", "1", "1"],
    ["fd", "1", "1", "1"],
    ["call", "vsock"],
    ["call", "setns"],
  ]
  const checks = kinds.map(([kind, ...args], index) => ({
    id: `x.c${index}`,
    spec: { kind, args },
  }))
  const input = encodeOrder({ canary, checks, command: [], env: {} })
  const words = ["--nofile=3", probeBinary().file]
  const { stdout } = spawnSync("prlimit", words, { input, env: {}, encoding: "latin1" })
  const lines = stdout.split("\n").filter((line) => line.startsWith("check "))
  expect(lines.map((line) => line.split(" ")[2])).toEqual(kinds.map(() => "inconclusive"))
})

test.each([
  { why: "nothing", next: "", out: "" },
  { why: "a no", next: "NO! ".padEnd(36, "0"), out: "failed EPERM\n" },
  { why: "half a go", next: go.slice(0, 20), out: "" },
  { why: "a go with a bad nonce", next: `GO! ${"x".repeat(32)}`, out: "failed EPERM\n" },
])("no agent is started for $why", ({ next, out }) => {
  const order = orderOf("read", ["/"], { command: ["/bin/echo", "ran"] })
  const ended = run(Buffer.concat([order, Buffer.from(next)]))
  expect(ended.code).toBe(125)
  expect(ended.out.endsWith(`end\n${out}`)).toBe(true)
})

test("the agent gets its words, its environment and the rest of the input, and nothing else", () => {
  const script = 'echo "$0 $1"; env; cat; ls /proc/self/fd'
  const order = orderOf("read", ["/"], {
    command: ["sh", "-c", script, "zero", "ein wort ü"],
    env: { PATH: "/usr/bin:/bin", GIVEN: "line one\nline two" },
  })
  const { out, code } = run(Buffer.concat([order, Buffer.from(`${go}the input`)]))
  const agents = Buffer.from(out.slice(out.indexOf("started")), "latin1").toString("utf8")
  expect(code).toBe(0)
  expect(agents.split("\n").filter((line) => !line.startsWith("PWD="))).toEqual([
    `started ${"ab".repeat(16)}`,
    "zero ein wort ü",
    "PATH=/usr/bin:/bin",
    "GIVEN=line one",
    "line two",
    "the input0",
    "1",
    "2",
    "3",
    "",
  ])
})

test("a program whose interpreter is missing is not started", () => {
  const file = path.join(folder, "script")
  writeFileSync(file, "#! /no/such/interpreter\n")
  chmodSync(file, 0o755)
  const { out, code } = run(
    Buffer.concat([orderOf("read", ["/"], { command: [file] }), Buffer.from(go)]),
  )
  expect({ last: out.split("\n").at(-2), code }).toEqual({ last: "failed ENOENT", code: 125 })
})
