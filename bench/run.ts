import { execFileSync, spawn } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { cpus, loadavg, release } from "node:os"
import { text } from "node:stream/consumers"
import { parseArgs } from "node:util"
import type { Spread } from "./statistics.ts"
import {
  absenceOf,
  type Absent,
  type Bench,
  benches,
  figureOf,
  type Gate,
  isMet,
  isReached,
} from "./suite.ts"

/**
 * Runs the benches one after another, writes a result file, and exits 1 if a gate is missed or a bench
 * fails. Those of the given names, or all but the long ones: `npm run bench -- [--json] [--no-file] [--date 2026-01-31] [name ...]`
 */
const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    "no-file": { type: "boolean", default: false },
    date: { type: "string", default: new Date().toISOString().slice(0, 10) },
  },
})

interface Judged extends Gate {
  readonly value: Spread
  readonly met: boolean
  readonly reached: boolean
}

interface Outcome {
  readonly name: string
  readonly seconds: number
  /** The machine's, over the last minute, before and after: figures of a busy machine say little. */
  readonly loadAverage: readonly [number, number]
  readonly gates: readonly Judged[]
  readonly absent: readonly Absent[]
  readonly result?: unknown
  readonly failure?: string
}

function load(): number {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100
}

async function run(bench: Bench): Promise<Outcome> {
  const before = load()
  const started = performance.now()
  const outcome = await resultOf(bench)
  const seconds = Math.round((performance.now() - started) / 100) / 10
  return { name: bench.name, seconds, loadAverage: [before, load()], ...outcome }
}

async function resultOf({
  name,
  args,
  gates,
}: Bench): Promise<Pick<Outcome, "gates" | "absent" | "result" | "failure">> {
  const file = new URL(`./${name}.ts`, import.meta.url).pathname
  const child = spawn(process.execPath, [file, ...args], { stdio: ["ignore", "pipe", "inherit"] })
  const code = new Promise<number | null>((resolve) => child.once("close", resolve))
  const printed = await text(child.stdout)
  if ((await code) !== 0)
    return { gates: [], absent: [], ...failed(`ended with ${await code}`, printed) }
  const result: unknown = JSON.parse(printed)
  const measured = gates.filter((gate) => absenceOf(gate, result) === null)
  return {
    gates: measured.map((gate) => judge(gate, result)),
    absent: gates.flatMap((gate) => absenceOf(gate, result) ?? []),
    result,
  }
}

function failed(failure: string, printed: string): Pick<Outcome, "failure" | "result"> {
  return { failure, ...(printed.startsWith("{") ? { result: JSON.parse(printed) } : {}) }
}

function judge(gate: Gate, result: unknown): Judged {
  const value = figureOf(gate, result)
  return { ...gate, value, met: isMet(gate, value), reached: isReached(gate, value) }
}

function git(...args: readonly string[]): string {
  return execFileSync("git", args, { encoding: "utf8", cwd: import.meta.dirname }).trim()
}

function lineOf({ work, value, unit, is, gate, goal, met, reached }: Judged): string {
  const spread = `${value.median} [${value.min}-${value.max}] ${unit}`
  const word = reached ? "goal" : met ? "met" : "MISSED"
  return `${word.padEnd(7)} ${work}: ${spread}; ${is} ${gate}, goal ${goal}`
}

function wanted({ name, byHand }: Bench): boolean {
  return names.length > 0 ? names.includes(name) : byHand !== true
}

for (const name of names)
  if (!benches.some((bench) => bench.name === name)) throw new Error(`there is no bench ${name}`)
const outcomes: Outcome[] = []
for (const bench of benches.filter(wanted)) {
  process.stderr.write(`${bench.name} ...\n`)
  outcomes.push(await run(bench))
}
const gates = outcomes.flatMap((outcome) => outcome.gates)
const unmeasured = outcomes.flatMap((outcome) => outcome.absent)
const isGood = gates.every(({ met }) => met) && outcomes.every((each) => each.failure === undefined)
const commit = git("rev-parse", "--short", "HEAD")
const report = {
  schema: "amc.bench/v1",
  date: values.date,
  commit,
  /** Whether what ran is that commit and nothing else. */
  isClean: git("status", "--porcelain", "--", "..", ":!results") === "",
  machine: {
    cpu: cpus()[0]?.model ?? "",
    cores: cpus().length,
    kernel: release(),
    node: process.version,
  },
  isGood,
  gates,
  absent: unmeasured,
  outcomes,
}

if (!values["no-file"]) {
  const folder = new URL("./results/", import.meta.url)
  mkdirSync(folder, { recursive: true })
  const suffix = names.map((name) => `-${name}`).join("")
  const file = new URL(`${values.date}-${commit}${suffix}.json`, folder)
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
}
if (values.json) console.log(JSON.stringify(report))
else {
  for (const gate of gates) console.log(lineOf(gate))
  for (const { name, failure } of outcomes)
    if (failure !== undefined) console.log(`FAILED  ${name}: ${failure}`)
  for (const { work, reason } of unmeasured) console.log(`absent  ${work}: ${reason}`)
  const loads = outcomes.map(({ name, loadAverage }) => `${name} ${loadAverage.join("-")}`)
  console.log(`load average before-after: ${loads.join(", ")}; commit ${commit}`)
}
process.exitCode = isGood ? 0 : 1
