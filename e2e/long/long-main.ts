import { execFileSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { loadavg } from "node:os"
import { parseArgs } from "node:util"
import { agents, hindrance } from "./agents.ts"
import { faults } from "./scripted-provider.ts"
import { openStand, type Trial, ways } from "./trial.ts"

/**
 * Runs each command-line agent directly, wrapped and in a box, with each fault of its provider, and holds
 * what came through AMC against what came without it. Writes a result file, and exits 1 where they differ.
 * `npm run long -- [--agent claude] [--fault none] [--way wrap] [--date 2026-01-31] [--no-file]`
 */
const { values } = parseArgs({
  options: {
    agent: { type: "string", multiple: true, default: agents.map(({ name }) => name) },
    fault: { type: "string", multiple: true, default: [...faults] },
    way: { type: "string", multiple: true, default: [...ways] },
    date: { type: "string", default: new Date().toISOString().slice(0, 10) },
    "no-file": { type: "boolean", default: false },
  },
})

/** A box makes no difference to how a provider's fault is met, so it gets none. */
const pairs = ways.flatMap((way) =>
  faults.filter((fault) => way !== "box" || fault === "none").map((fault) => ({ way, fault })),
)

function differs(one: Trial, trials: readonly Trial[]): string[] {
  const bare = trials.find(
    ({ agent, way, fault }) => agent === one.agent && way === "direct" && fault === one.fault,
  )
  if (bare === undefined || one.way === "direct") return []
  return (["isDone", "exit"] as const).flatMap((member) =>
    one[member] === bare[member]
      ? []
      : [
          `${one.agent} ${one.way} ${one.fault}: ${member} ${one[member]}, directly ${bare[member]}`,
        ],
  )
}

const stand = await openStand()
const trials: Trial[] = []
const skipped: string[] = []
const [loadBefore] = loadavg()
for (const agent of agents.filter(({ name }) => values.agent.includes(name))) {
  const why = hindrance(agent)
  if (why !== null) {
    skipped.push(`${agent.name}: ${why}`)
    continue
  }
  for (const { way, fault } of pairs) {
    if (!values.way.includes(way) || !values.fault.includes(fault)) continue
    const one = await stand.trial(agent, way, fault)
    trials.push(one)
    process.stderr.write(`${JSON.stringify(one)}\n`)
  }
}
const settled = await stand.settled()
await stand.close()

const differences = trials.flatMap((one) => differs(one, trials))
const flaws = trials.flatMap(({ agent, way, fault, flaws }) =>
  flaws.map((flaw) => `${agent} ${way} ${fault}: ${flaw}`),
)
const git = (...args: string[]): string =>
  execFileSync("git", args, { encoding: "utf8", cwd: import.meta.dirname }).trim()
const { dependencies } = JSON.parse(
  readFileSync(new URL("package.json", import.meta.url), "utf8"),
) as { dependencies: Record<string, string> }
const [verify, reconcile] = settled
const report = {
  schema: "amc.long/v1",
  date: values.date,
  commit: git("rev-parse", "--short", "HEAD"),
  node: process.version,
  loadAverage: [loadBefore, loadavg()[0]],
  versions: dependencies,
  skipped,
  verify,
  reconcile,
  differences,
  flaws,
  trials,
}
if (!values["no-file"]) {
  const isAll = values.agent.length === agents.length
  const only = isAll ? "" : `-${values.agent.join("-")}`
  const file = new URL(`../../bench/results/${values.date}-long${only}.json`, import.meta.url)
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
}
console.log(JSON.stringify({ skipped, verify, reconcile, differences, flaws, runs: trials.length }))
const isGood = trials.length > 0 && differences.length + flaws.length === 0
process.exitCode = isGood && settled.every((exit) => exit === 0) ? 0 : 1
