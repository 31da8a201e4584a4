import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/**
 * Tries the properties of the scores far more often than a test run does, each in a process of its own that
 * may last so many seconds. Prints JSON; exits 1 if one was broken or not tried to its end.
 * `node bench/score-properties.ts [cases] [seconds for each] [part of a name]`
 */
const [cases = "10000", seconds = "120", only = ""] = process.argv.slice(2)
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

const names = resultsOf(await vitest({ SCORE_CASES: "1" }, [])).map(({ title }) => title)
const properties: object[] = []
let isGood = names.length > 0
for (const name of names.filter((each) => each.includes(only))) {
  const literal = name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")
  const told = await vitest({ SCORE_CASES: cases }, ["-t", `^${literal}$`])
  const found = resultsOf(told).find(({ title }) => title === name)
  const status = found?.status ?? "not ended in time"
  isGood &&= status === "passed"
  properties.push({ name, status, seconds: Math.round((found?.duration ?? 0) / 100) / 10 })
}
rmSync(folder, { recursive: true })
console.log(JSON.stringify({ bench: "score-properties", cases: Number(cases), properties }))
process.exitCode = isGood ? 0 : 1
