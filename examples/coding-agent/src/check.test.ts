import { spawn } from "node:child_process"
import { once } from "node:events"
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { expect, onTestFinished, test } from "vitest"

const example = join(import.meta.dirname, "..")
const check = join(example, "check/check.ts")
const fixes = join(example, "../model-server/fixes")
const names = ["paginate", "cents", "csv-row", "intervals", "slug"]
const folders = ["01-pagination", "02-cents", "03-csv-row", "04-intervals", "05-slug"]

interface Result {
  readonly exit: number | null
  readonly out: string
  readonly err: string
}

async function runCheck(cwd: string, session: string): Promise<Result> {
  const env = { PATH: process.env["PATH"], AMC_SESSION: session }
  const child = spawn(process.execPath, [check], { cwd, env, stdio: ["ignore", "pipe", "pipe"] })
  const [[exit], out, err] = await Promise.all([
    once(child, "exit") as Promise<[number | null]>,
    text(child.stdout),
    text(child.stderr),
  ])
  return { exit, out, err }
}

function workFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "coding-agent-check-"))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  cpSync(join(example, "work"), folder, { recursive: true })
  return folder
}

/** A work folder in which the source of the first task is what an agent left. */
function leftBehind(source: string): string {
  const folder = workFolder()
  writeFileSync(join(folder, "tasks/01-pagination/src/paginate.ts"), source)
  return folder
}

const right = readFileSync(join(fixes, "paginate.ts"), "utf8")

test.each(names.map((name, at) => ({ name, at })))(
  "$name does not pass as it is shipped, and passes when it is right",
  async ({ name, at }) => {
    const folder = workFolder()
    const before = await runCheck(folder, `${at + 1}`)
    expect(before.exit).toBe(1)
    expect(before.out).toMatch(/^not passed: .* [1-9]\d* of \d+ cases right\n$/)

    cpSync(join(fixes, `${name}.ts`), join(folder, "tasks", folders[at]!, "src", `${name}.ts`))
    // Sessions go round the tasks.
    const after = await runCheck(folder, `${at + 6}`)
    expect(after).toMatchObject({ exit: 0, err: "" })
  },
)

test.each([
  { why: "ends its process at once", source: "process.exit(0)" },
  {
    why: "ends its process when it is called",
    source: "export const paginate = () => process.exit(0)",
  },
  { why: "prints that it passed", source: 'console.log("passed: 8 of 8 cases right")' },
  {
    why: "answers with what it was asked",
    source: "export const paginate = (items) => ({ items, page: 1, pages: 1 })",
  },
  {
    why: "speaks with the nonce but knows no answers",
    source: `import { readFileSync, writeSync } from "node:fs"
      const { nonce, calls } = JSON.parse(readFileSync(0, "utf8"))
      writeSync(1, "\\n" + nonce + JSON.stringify(calls.map((args) => ({ value: true, args }))) + "\\n")
      process.exit(0)`,
  },
  {
    why: "answers with too few",
    source: `${right}\nconst all = Array.prototype.map
      Array.prototype.map = function (f) { return all.call(this.slice(1), f) }`,
  },
  {
    why: "changes what it is given",
    source: `${right.replace("export function paginate", "function inner")}
      export const paginate = (items, page, perPage) => {
        const answer = inner(items, page, perPage)
        items.push(0)
        return answer
      }`,
  },
  {
    why: "never ends",
    source: "process.stdout.write('x'.repeat(300000)); setInterval(() => {}, 9)",
  },
  { why: "does not parse", source: "export function paginate( {" },
  { why: "exports nothing", source: "export {}" },
  { why: "takes the owner's cases from the disk", source: stealing("readFileSync") },
  {
    why: "asks another process for the owner's cases",
    source: stealing("((path) => execFileSync('/bin/cat', [path]))"),
  },
])("does not pass a source that $why", async ({ source }) => {
  expect(await runCheck(leftBehind(source), "1")).toMatchObject({ exit: 1, err: "" })
})

/** A source that would pass if it could read the owner's cases in the given way. */
function stealing(read: string): string {
  return `import { execFileSync } from "node:child_process"
    import { readFileSync } from "node:fs"
    const { cases } = JSON.parse(String(${read}(${JSON.stringify(join(example, "check/cases/01.json"))})))
    export const paginate = (...args) =>
      cases.find((one) => JSON.stringify(one.args) === JSON.stringify(args)).expected`
}

test("does not pass a source that reaches the owner's cases by a link", async () => {
  const folder = leftBehind(
    stealing("readFileSync").replace(/"[^"]*01\.json"/, '"tasks/01-pagination/src/link.json"'),
  )
  const src = join(folder, "tasks/01-pagination/src")
  symlinkSync(join(example, "check/cases/01.json"), join(src, "link.json"))
  const { exit, out } = await runCheck(folder, "1")
  expect({ exit, out }).toEqual({
    exit: 1,
    out: "not passed: 01-pagination: the task folder holds a link or a special file\n",
  })
})

test("does not pass a source that opens the debugger of the check", async () => {
  const source = `process.kill(process.ppid, "SIGUSR1")
    await new Promise((resolve) => setTimeout(resolve, 300))
    const [target] = await fetch("http://127.0.0.1:9229/json").then((answer) => answer.json())
    const socket = new WebSocket(target.webSocketDebuggerUrl)
    socket.onopen = () => socket.send(JSON.stringify(
      { id: 1, method: "Runtime.evaluate", params: { expression: "process.exit(0)" } }))
    await new Promise((resolve) => setTimeout(resolve, 1000))`
  expect(await runCheck(leftBehind(source), "1")).toMatchObject({ exit: 1, err: "" })
})

test("tests that the agent changed make no difference", async () => {
  const folder = workFolder()
  rmSync(join(folder, "tasks/01-pagination/test"), { recursive: true })
  expect((await runCheck(folder, "1")).exit).toBe(1)
  writeFileSync(join(folder, "tasks/01-pagination/src/paginate.ts"), right)
  mkdirSync(join(folder, "tasks/01-pagination/test"))
  writeFileSync(join(folder, "tasks/01-pagination/test/paginate.test.ts"), "process.exit(1)")
  expect((await runCheck(folder, "1")).exit).toBe(0)
})

test.each([
  { why: "the source", path: "tasks/01-pagination/src/paginate.ts" },
  { why: "the task folder", path: "tasks/01-pagination" },
  { why: "every task", path: "tasks" },
])("does not pass when $why is gone", async ({ path }) => {
  const folder = workFolder()
  rmSync(join(folder, path), { recursive: true })
  expect((await runCheck(folder, "1")).exit).toBe(1)
})

test.each(["", "0", "x", "1.5"])(
  "says that it was called wrongly with session %j",
  async (session) => {
    expect(await runCheck(join(example, "work"), session)).toMatchObject({ exit: 2, out: "" })
  },
)
