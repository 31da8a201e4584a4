import {
  cpSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { Worker } from "node:worker_threads"
import { equivalentOf } from "./mutants/equivalent.ts"
import type { Known } from "./mutants/runner-main.ts"
import { type Mutant, schemataOf } from "./mutants/schemata.ts"

/**
 * Changes the scoring in one small place after another and looks whether its own tests notice. Prints JSON
 * with the score and the changes that nothing noticed, which it also tells on the way; those that are known to be no
 * change at all (mutants/equivalent.ts) are counted apart. What is evaluated when a module is loaded is changed in a thread
 * of its own.
 * `node bench/score-mutants.ts [seconds] [parts of files' names, by commas] [ms]`, where tests that take longer than these
 * milliseconds are left out: then at least so much is noticed, in a fraction of the time.
 */
const [seconds = "600", only = "", mostMs = "Infinity"] = process.argv.slice(2)
const root = new URL("..", import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), "amc-mutants-"))
/** Data, schemas and words: what they hold is for the bank's own tests and for people. */
const left =
  /(\.test|\.fixture)\.ts$|bank-1\.ts|bank-schema\.ts|v1\/report\.ts|fade-table\.ts|index\.ts$|survey/

function prepare(): { mutants: readonly Mutant[]; tests: readonly string[] } {
  for (const name of ["node_modules", "spec", "docs"])
    symlinkSync(join(root, name), join(folder, name))
  cpSync(join(root, "packages/score"), join(folder, "packages/score"), { recursive: true })
  const source = join(folder, "packages/score/src")
  const mutants: Mutant[] = []
  for (const file of globSync("**/*.ts", { cwd: source }).sort()) {
    if (left.test(file) || !only.split(",").some((part) => file.includes(part))) continue
    const path = join(source, file)
    const schemata = schemataOf(file, readFileSync(path, "utf8"), mutants.length)
    mutants.push(...schemata.mutants)
    writeFileSync(path, schemata.source)
  }
  const tests = globSync("**/*.test.ts", { cwd: source }).sort()
  return { mutants, tests: tests.map((file) => pathToFileURL(join(source, file)).href) }
}

interface Fate {
  readonly by: string | null
  readonly covered: number
}

type Told =
  | { readonly broken: string }
  | { readonly known: readonly Known[] }
  | { readonly begun: number; readonly ms: number }
  | ({ readonly id: number } & Fate)

const { mutants, tests } = prepare()
const equivalent = equivalentOf(mutants)
let known: readonly Known[] | null = null
/** Tests that fail without any change, and so can tell nothing. */
const broken: string[] = []
const fates = new Map<number, Fate>()
const endless = "it did not end"
const end = performance.now() + Number(seconds) * 1000

/** All that are tried in a thread of their own. */
const statics: ReadonlySet<number> = new Set(
  mutants.filter(({ isStatic }) => isStatic).map(({ id }) => id),
)

/** Tries mutants from one on, or that one alone; gives the one to go on with. */
function tryFrom(from: number, isAlone: boolean): Promise<number> {
  const shim = new URL("./mutants/vitest-shim.ts", import.meta.url).href
  const main = new URL("./mutants/runner-main.ts", import.meta.url)
  const to = isAlone ? from + 1 : mutants.length
  const work = {
    files: tests,
    shim,
    from,
    to,
    left: isAlone ? null : statics,
    known,
    mostMs: Number(mostMs),
  }
  const env = { ...process.env, SCORE_CASES: "10" }
  const worker = new Worker(main, { workerData: work, env })
  let at = -1
  return new Promise((resolve, reject) => {
    let late: NodeJS.Timeout | undefined
    let goOn: number | null = null
    const stop = (next: number): void => {
      goOn ??= next
      clearInterval(late)
      void worker.terminate()
    }
    worker.on("error", (error) => {
      if (isAlone) at = from
      if (at < 0) return reject(error)
      fates.set(at, { by: "an error outside of tests", covered: 1 })
      stop(at + 1)
    })
    worker.on("exit", () => {
      clearInterval(late)
      resolve(goOn ?? mutants.length)
    })
    worker.on("message", (told: Told) => {
      if ("broken" in told) broken.push(told.broken)
      if ("known" in told) known = told.known
      if ("id" in told) {
        fates.set(told.id, told)
        if (told.by === null && !equivalent.has(told.id)) console.error(mutants[told.id])
      }
      if (!("begun" in told)) return
      at = told.begun
      clearInterval(late)
      if (performance.now() > end) return stop(mutants.length)
      const begun = process.cpuUsage()
      late = setInterval(() => {
        // Not by the clock: on a machine with other work a test may just have to wait.
        const { user, system } = process.cpuUsage(begun)
        if ((user + system) / 1000 < 3000 + 20 * told.ms) return
        fates.set(at, { by: endless, covered: 1 })
        stop(at + 1)
      }, 500)
    })
  })
}

for (let next = 0; next < mutants.length;) next = await tryFrom(next, false)
for (const id of statics) if (performance.now() < end) await tryFrom(id, true)
rmSync(folder, { recursive: true })
const tried = mutants.filter(({ id }) => fates.has(id))
const noticed = tried.filter(({ id }) => fates.get(id)?.by !== null)
const wrong = noticed.filter(({ id }) => equivalent.has(id))
if (wrong.length > 0) throw new Error(`noticed, so not equivalent: ${JSON.stringify(wrong)}`)
const survivors = tried.filter(({ id }) => fates.get(id)?.by === null && !equivalent.has(id))
const scorePerMille = Math.round((noticed.length * 1000) / (noticed.length + survivors.length))
console.log(
  JSON.stringify({
    bench: "score-mutants",
    mutants: mutants.length,
    tried: tried.length,
    killed: noticed.length,
    equivalent: tried.length - noticed.length - survivors.length,
    scorePerMille,
    endless: tried.filter(({ id }) => fates.get(id)?.by === endless).length,
    testsOfMs: mostMs,
    broken,
    survivors: survivors.map(({ file, line, was, is, id }) => ({
      at: `${file}:${line}`,
      was,
      is,
      tests: fates.get(id)?.covered,
    })),
  }),
)
