import type { Spread } from "./statistics.ts"

/** What a bench must show: a figure of its result against a bound (DESIGN.md section 13). */
export interface Gate {
  readonly work: string
  /** Where the figure stands in what the bench prints. */
  readonly figure: readonly [string, ...string[]]
  readonly unit: string
  readonly is: "at least" | "at most"
  readonly gate: number
  readonly goal: number
  /** Only measured where what it is held against could be installed; the bench says why if not. */
  readonly mayBeAbsent?: true
}

/** A program of this folder that prints one JSON object. */
export interface Bench {
  readonly name: string
  readonly args: readonly string[]
  /** Too long for every run: only by its name. */
  readonly byHand?: true
  readonly gates: readonly Gate[]
}

const atLeast = (
  work: string,
  figure: Gate["figure"],
  unit: string,
  gate: number,
  goal: number,
): Gate => ({ work, figure, unit, is: "at least", gate, goal })

const atMost = (
  work: string,
  figure: Gate["figure"],
  unit: string,
  gate: number,
  goal: number,
): Gate => ({ work, figure, unit, is: "at most", gate, goal })

const ofPortkey = (gate: Gate): Gate => ({ ...gate, mayBeAbsent: true })

export const benches: readonly Bench[] = [
  {
    name: "gateway",
    args: ["5", "2"],
    gates: [
      atLeast(
        "gateway, 1 KB JSON, 64 connections, over the bare proxy (decision 0018)",
        ["json64", "perSecondRatio"],
        "x",
        0.18,
        0.25,
      ),
      atLeast(
        "gateway, 1 KB JSON, 64 connections, over the floor (decisions 0014, 0018)",
        ["json64", "perSecondOverFloor"],
        "x",
        0.42,
        0.7,
      ),
      atLeast(
        "gateway, 1 KB JSON, 16 connections, over the floor (decisions 0014, 0018)",
        ["json16", "perSecondOverFloor"],
        "x",
        0.42,
        0.85,
      ),
      atMost(
        "p50 at one connection, over the floor (decisions 0014, 0018)",
        ["json1", "p50OverFloor"],
        "x",
        1.7,
        1.25,
      ),
      ofPortkey(
        atLeast(
          "gateway, 1 KB JSON, 64 connections, against Portkey's gateway",
          ["json64", "perSecondOverPortkey"],
          "x",
          1,
          5,
        ),
      ),
      ofPortkey(
        atLeast(
          "gateway, 1 KB JSON, 16 connections, against Portkey's gateway",
          ["json16", "perSecondOverPortkey"],
          "x",
          1,
          4,
        ),
      ),
      atMost(
        "time to first streamed byte over the bare proxy, 1 stream",
        ["firstByte1", "firstByteAddedMs"],
        "ms",
        3,
        2,
      ),
      atMost(
        "time to first streamed byte over the bare proxy, 32 streams",
        ["firstByte32", "firstByteAddedMs"],
        "ms",
        6,
        5,
      ),
      atMost(
        "CPU per 32-frame stream over the bare proxy (decision 0018)",
        ["stream16", "cpuRatio"],
        "x",
        2.6,
        2,
      ),
    ],
  },
  {
    name: "egress",
    args: ["5", "2"],
    gates: [
      atLeast(
        "egress tunnels per second against proxy-chain, with SNI check and signed counts",
        ["perSecondRatio"],
        "x",
        1,
        1.3,
      ),
    ],
  },
  {
    name: "ledger",
    args: ["12800", "5"],
    gates: [
      atLeast(
        "ledger append, signed and durable, groups of 64, over Ed25519 (decision 0012)",
        ["overEd25519"],
        "x",
        1.03,
        2.15,
      ),
    ],
  },
  {
    name: "ledger-proofs",
    args: ["100000", "500"],
    gates: [atMost("prove an event of 100k from files alone", ["proveMs"], "ms", 1, 0.5)],
  },
  {
    name: "verify",
    args: ["500", "5"],
    gates: [
      atLeast(
        "full verification per core, signatures and all",
        ["events_per_cpu_second"],
        "events/s",
        5000,
        9000,
      ),
    ],
  },
  {
    name: "bundles",
    args: ["10000", "2"],
    gates: [
      atLeast(
        "a bundle of 10,000 events in Node, per core, over Ed25519 alone (5,000 of 11,600 a second)",
        ["node", "overEd25519"],
        "x",
        0.43,
        0.6,
      ),
    ],
  },
  {
    name: "sandbox-start",
    args: ["12", "all"],
    gates: [atMost("sandboxed start of true, probe included", ["boxedMs"], "ms", 400, 160)],
  },
  {
    name: "version",
    args: ["15"],
    gates: [atMost("amc --version over bare node", ["ratio"], "x", 3, 1.5)],
  },
  {
    name: "score",
    args: ["100000", "5"],
    gates: [
      atMost(
        "report over 100k events, 20 calls a session",
        ["longSessions", "seconds"],
        "s",
        10,
        2,
      ),
      atMost("the same, one call a session", ["shortSessions", "seconds"], "s", 10, 2),
      atMost("the same, over 1500 days", ["years", "seconds"], "s", 10, 5),
    ],
  },
  { name: "ledger-growth", args: [], byHand: true, gates: [] },
  { name: "bundle-flips", args: [], byHand: true, gates: [] },
  { name: "ledger-faults", args: ["10"], byHand: true, gates: [] },
  { name: "fuzz-bundle", args: [process.env["BENCH_MINUTES"] ?? "5"], byHand: true, gates: [] },
  { name: "fuzz-gateway", args: [process.env["BENCH_MINUTES"] ?? "5"], byHand: true, gates: [] },
  { name: "soak", args: [process.env["BENCH_MINUTES"] ?? "30"], byHand: true, gates: [] },
]

/** A gate that was not measured. */
export interface Absent {
  readonly work: string
  readonly reason: string
}

/** Why a gate could not be measured, as the bench tells; null if it was. */
export function absenceOf(gate: Gate, result: unknown): Absent | null {
  const { absent: reason } = result as { readonly absent?: string }
  return gate.mayBeAbsent === true && reason !== undefined ? { work: gate.work, reason } : null
}

/** The figure that a gate speaks of. @throws if the bench did not print it */
export function figureOf(gate: Gate, result: unknown): Spread {
  const found = gate.figure.reduce<unknown>(
    (value, name) => (value as Record<string, unknown> | undefined)?.[name],
    result,
  ) as Spread | undefined
  if (typeof found?.median !== "number") throw new Error(`no figure ${gate.figure.join(".")}`)
  return found
}

export function isMet({ is, gate }: Gate, { median }: Spread): boolean {
  return is === "at least" ? median >= gate : median <= gate
}

export function isReached({ is, goal }: Gate, { median }: Spread): boolean {
  return is === "at least" ? median >= goal : median <= goal
}
