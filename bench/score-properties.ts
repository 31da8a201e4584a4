import { execFileSync, spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/**
 * Tries the properties of the scores far more often than a test run does, each in a process of its own that
 * may last so many seconds. Prints JSON; exits 1 if one was broken or not tried to its end. With a file, that is
 * written after each: what passed in it, as often, of the same packages/score is not tried again, and what passed of
 * another is tried last.
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
  readonly cases: number
  /** What was tried: the tree of packages/score. */
  readonly score: string
}

function git(...args: readonly string[]): string {
  return execFileSync("git", args, { encoding: "utf8", cwd: root }).trim()
}

/** What passed before, as often or more. */
function before(): readonly Tried[] {
  if (file === "" || !existsSync(file)) return []
  const { properties } = JSON.parse(readFileSync(file, "utf8")) as { properties: readonly Tried[] }
  return properties.filter((each) => each.status === "passed" && each.cases >= Number(cases))
}

const all = resultsOf(await vitest({ SCORE_CASES: "1" }, [])).map(({ title }) => title)
const names = all.filter((each) => each.includes(only))
const changed = git("status", "--porcelain", "--", "packages/score") !== ""
const score = changed ? "not committed" : git("rev-parse", "HEAD:packages/score")
const found = new Map(before().map((each) => [each.name, each]))
const isKnown = (name: string): boolean => !changed && found.get(name)?.score === score

function result(): object {
  const properties = names.flatMap((name) => found.get(name) ?? [])
  return { bench: "score-properties", secondsMost: Number(seconds), properties }
}

const order = names.toSorted((a, b) => Number(found.has(a)) - Number(found.has(b)))
for (const name of order.filter((each) => !isKnown(each))) {
  found.set(name, await tried(name))
  if (file !== "") writeFileSync(file, `${JSON.stringify(result(), null, 1)}\n`)
}

async function tried(name: string): Promise<Tried> {
  const literal = name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")
  const told = await vitest({ SCORE_CASES: cases }, ["-t", `^${literal}$`])
  const one = resultsOf(told).find(({ title }) => title === name)
  const status = one?.status ?? "not ended in time"
  const took = Math.round((one?.duration ?? 0) / 100) / 10
  return { name, status, seconds: took, cases: Number(cases), score }
}

rmSync(folder, { recursive: true })
console.log(JSON.stringify(result()))
process.exitCode =
  names.length > 0 && names.every((name) => found.get(name)?.status === "passed") ? 0 : 1
