import { execFileSync, spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/**
 * Tries the properties of the scores far more often than a test run does, each in a process of its own that
 * may last so many seconds. Prints JSON; exits 1 if one was broken or not tried to its end. With a file, that is
 * written after each, and what passed in it is not tried again while packages/score stays as it was.
 * `node bench/score-properties.ts [cases] [seconds for each] [part of a name] [file]`
 */
const [cases = "10000", seconds = "120", only = "", file = ""] = process.argv.slice(2)
const files = ["properties.test.ts", "v1/tally-properties.test.ts"].map(
  (file) => `packages/score/src/${file}`,
)
const root = new URL("..", import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), "amc-properties-"))

interface Told {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly title: string
      readonly status: string
      readonly duration?: number
    }[]
  }[]
}

async function vitest(env: Record<string, string>, more: readonly string[]): Promise<Told | null> {
  const out = join(folder, "told.json")
  rmSync(out, { force: true })
  const args = ["vitest", "run", ...files, "--testTimeout=0", "--reporter=json"]
  const child = spawn("npx", [...args, `--outputFile=${out}`, ...more], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: "ignore",
    detached: true,
  })
  const late = setTimeout(() => process.kill(-child.pid!, "SIGKILL"), Number(seconds) * 1000)
  await new Promise((resolve) => child.once("close", resolve))
  clearTimeout(late)
  return existsSync(out) ? (JSON.parse(readFileSync(out, "utf8")) as Told) : null
}

function resultsOf(
  told: Told | null,
): readonly Told["testResults"][number]["assertionResults"][number][] {
  return told?.testResults.flatMap(({ assertionResults }) => assertionResults) ?? []
}

interface Tried {
  readonly name: string
  readonly status: string
  readonly seconds: number
}

interface Result {
  readonly bench: "score-properties"
  readonly cases: number
  readonly secondsMost: number
  /** What was tried: the tree of packages/score as it is on disk. */
  readonly score: string
  readonly properties: readonly Tried[]
}

function git(...args: readonly string[]): string {
  return execFileSync("git", args, { encoding: "utf8", cwd: root }).trim()
}

/** What passed before of the same code, as often or more. */
function before(score: string): readonly Tried[] {
  if (file === "" || !existsSync(file)) return []
  const known = JSON.parse(readFileSync(file, "utf8")) as Result
  if (known.score !== score || known.cases < Number(cases)) return []
  return known.properties.filter(({ status }) => status === "passed")
}

const names = resultsOf(await vitest({ SCORE_CASES: "1" }, [])).map(({ title }) => title)
const changed = git("status", "--porcelain", "--", "packages/score") !== ""
const score = changed ? "not committed" : git("rev-parse", "HEAD:packages/score")
const known = changed ? [] : before(score)
const properties: Tried[] = []

function result(): Result {
  const terms = { cases: Number(cases), secondsMost: Number(seconds), score }
  return { bench: "score-properties", ...terms, properties }
}

for (const name of names.filter((each) => each.includes(only))) {
  properties.push(known.find((each) => each.name === name) ?? (await tried(name)))
  if (file !== "") writeFileSync(file, `${JSON.stringify(result(), null, 1)}\n`)
}

async function tried(name: string): Promise<Tried> {
  const literal = name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")
  const told = await vitest({ SCORE_CASES: cases }, ["-t", `^${literal}$`])
  const found = resultsOf(told).find(({ title }) => title === name)
  const status = found?.status ?? "not ended in time"
  return { name, status, seconds: Math.round((found?.duration ?? 0) / 100) / 10 }
}

rmSync(folder, { recursive: true })
console.log(JSON.stringify(result()))
process.exitCode = names.length > 0 && properties.every(({ status }) => status === "passed") ? 0 : 1
