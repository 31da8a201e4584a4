import { registerHooks } from "node:module"
import { parentPort, workerData } from "node:worker_threads"
import type { Collected } from "./vitest-shim.ts"

/**
 * Runs the tests of a folder of schemata: first as they are, to see which test comes by which mutant, then
 * once for each mutant, until a test fails. A worker, since a mutant may never end.
 */
interface Work {
  readonly files: readonly string[]
  readonly shim: string
  readonly from: number
  readonly to: number
  /** Those to be left out; or all but `from` are, since it lies in what is evaluated when modules are loaded. */
  readonly left: ReadonlySet<number> | null
  /** What a worker before this one learned of the tests. */
  readonly known: readonly Known[] | null
  /** Tests that take longer are left out. */
  readonly mostMs: number
}

const { files, shim, from, to, left, known, mostMs } = workerData as Work
function tell(message: object): void {
  parentPort?.postMessage(message, [])
}

let active = left === null ? from : -1
let seen = new Set<number>()
Object.assign(globalThis, {
  M(id: number): boolean {
    seen.add(id)
    return id === active
  },
})
registerHooks({
  resolve(name, context, next) {
    return name === "vitest" ? { url: shim, shortCircuit: true } : next(name, context)
  },
})
const fc = await import("fast-check")
fc.configureGlobal({ seed: 7, endOnFailure: true })
const { collected } = (await import(shim)) as { collected: Collected[] }
for (const file of files) await import(file)

/** How long a test takes as the sources are, and which mutants it comes by. */
export interface Known {
  readonly name: string
  readonly ms: number
  readonly seen: ReadonlySet<number>
}

async function learn(): Promise<readonly Known[]> {
  const tests: Known[] = []
  for (const { name, body } of collected) {
    seen = new Set()
    const started = performance.now()
    try {
      await body()
    } catch (error) {
      tell({ broken: `${name}: ${String(error)}` })
      continue
    }
    tests.push({ name, ms: performance.now() - started, seen })
  }
  const known = tests.toSorted((a, b) => a.ms - b.ms)
  tell({ known })
  return known
}

/** Tests that noticed something, the last that did first: they are likely to notice the next thing too. */
const lucky = new Set<string>()
const bodies = new Map(collected.map(({ name, body }) => [name, body]))
const tests = (known ?? (await learn())).filter(({ ms }) => ms <= mostMs)
for (let id = from; id < to; id++) {
  if (left?.has(id) === true) continue
  const covering = left === null ? tests : tests.filter((each) => each.seen.has(id))
  tell({ id, by: await killerOf(id, covering), covered: covering.length })
}
// Ends this thread alone: what a mutated test left running would keep it.
process.exit()

async function killerOf(id: number, covering: readonly Known[]): Promise<string | null> {
  const ranks = new Map([...lucky].toReversed().map((name, at) => [name, at]))
  const ordered = covering.toSorted(
    (a, b) => (ranks.get(a.name) ?? lucky.size) - (ranks.get(b.name) ?? lucky.size),
  )
  for (const { name, ms } of ordered) {
    tell({ begun: id, ms })
    active = id
    try {
      await bodies.get(name)?.()
    } catch {
      lucky.delete(name)
      if (ms < 50) lucky.add(name)
      return name
    } finally {
      if (left !== null) active = -1
    }
  }
  return null
}
