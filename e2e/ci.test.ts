import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { parseYaml } from "@amc/core"
import { afterAll, beforeAll, expect, test } from "vitest"
import { z } from "zod"
import { amcJson, clone, type Ended, run } from "./testing/amc.ts"
import { handedPolicy, policyText, scoredRun, signedPolicy } from "./testing/gated.ts"
import { makePlace, type Place } from "./testing/place.ts"
import { makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

let own: TestWorkspace
let runner: Place
let bundle: string

interface Comment {
  readonly id: number
  body: string
  readonly user: { readonly type: string }
}

/** What stands in for GitHub: the comments of one pull request. */
const comments: Comment[] = []
const server = createServer(async (request, response) => {
  const { body } = JSON.parse((await textOf(request)) || "{}") as { body?: string }
  const id = Number(/\/comments\/(\d+)$/u.exec(request.url ?? "")?.[1])
  const isOwn = request.headers.authorization === "Bearer token-1"
  if (request.method === "POST" && body !== undefined)
    comments.push({ id: comments.length + 1, body, user: { type: "Bot" } })
  const found = comments.find((each) => each.id === id)
  if (request.method === "PATCH" && found !== undefined) found.body = body ?? ""
  response.statusCode = isOwn ? 200 : 401
  response.end(JSON.stringify(request.method === "GET" ? comments : {}))
})

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ""
  for await (const piece of request) text += String(piece)
  return text
}

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  own = await makeWorkspace()
  runner = makePlace()
  bundle = (await scoredRun(own)).bundle
  await policyOf("release.yaml", "")
  await policyOf("strict.yaml", "minOverall: 5\n")
}, 240_000)

afterAll(async () => {
  server.close()
  await own?.close()
  runner?.remove()
})

async function policyOf(name: string, rules: string): Promise<void> {
  handedPolicy(await signedPolicy(own, name, policyText(own.root, rules)), runner.cwd)
}

let temps = 0

interface Step extends Ended {
  readonly outputs: Readonly<Record<string, string>>
  readonly summary: string
}

/** Runs the action's step as a runner would, with the environment that action.yml gives it. */
async function step(policy: string, given: Readonly<Record<string, string>> = {}): Promise<Step> {
  const temp = join(runner.top, `temp-${(temps += 1)}`)
  mkdirSync(temp)
  const [output, summary, event] = ["output", "summary", "event"].map((name) => join(temp, name))
  writeFileSync(event!, JSON.stringify({ pull_request: { number: 7 } }))
  const { port } = server.address() as AddressInfo
  const env = {
    ...runner.env,
    RUNNER_TEMP: temp,
    GITHUB_OUTPUT: output!,
    GITHUB_STEP_SUMMARY: summary!,
    GITHUB_EVENT_PATH: event!,
    GITHUB_API_URL: `http://127.0.0.1:${port}`,
    GITHUB_REPOSITORY: "acme/app",
    AMC_BUNDLE: bundle,
    AMC_POLICY: policy,
    AMC_POLICY_ROOT: own.root,
    AMC_GITHUB_TOKEN: "token-1",
    ...given,
  }
  const words = [process.execPath, join(clone, "scripts/action.mjs")]
  const ended = await run(words, { cwd: runner.cwd, env })
  const lines = readFileSync(output!, "utf8").trim().split("\n")
  return {
    ...ended,
    outputs: Object.fromEntries(lines.map((line) => line.split("=", 2))),
    summary: existsSync(summary!) ? readFileSync(summary!, "utf8") : "",
  }
}

test("B2: the action passes what the gate passes, with outputs, a summary and one comment that is written anew", async () => {
  comments.push({ id: 1, body: "<!-- amc-gate --> nothing to see", user: { type: "User" } })
  const passed = await step("release.yaml")
  expect(passed.exit, passed.stderr).toBe(0)
  expect(passed.outputs).toMatchObject({
    verdict: "passed",
    exit: "0",
    trust: "LOW TRUST",
    "bundle-digest": expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
  })
  expect(readFileSync(passed.outputs["sarif"]!, "utf8")).toContain('"version": "2.1.0"')
  const refused = await step("strict.yaml")
  expect(refused.exit).toBe(1)
  expect(refused.outputs).toMatchObject({ verdict: "refused", exit: "1" })
  expect(refused.summary).toContain("Evidence gate: REFUSED")
  expect(comments.map(({ body }) => body.slice(0, 80).includes("REFUSED"))).toEqual([false, true])
  expect(comments[1]?.body).toBe(refused.summary)
  expect(comments[1]!.body.length).toBeLessThan(65_536)
})

test("B2: the action never passes what could not be looked at, and needs its root from outside", async () => {
  expect(await step("release.yaml", { AMC_POLICY_ROOT: "" })).toMatchObject({
    exit: 2,
    outputs: { verdict: "refused" },
  })
  expect(await step("release.yaml", { AMC_BUNDLE: "gone" })).toMatchObject({ exit: 3 })
  const words = { AMC_POLICY: "--format=json", AMC_BUNDLE: "$(touch pwned)" }
  expect(await step("release.yaml", words)).toMatchObject({ outputs: { verdict: "refused" } })
  expect(existsSync(join(runner.cwd, "pwned"))).toBe(false)
})

test("a comment that can't be written is a warning, and changes no verdict", async () => {
  const { exit, stdout } = await step("release.yaml", { AMC_GITHUB_TOKEN: "other" })
  expect(exit).toBe(0)
  expect(stdout).toContain("::warning::the comment could not be written")
})

function yamlOf(path: string) {
  return parseYaml(new Uint8Array(readFileSync(path)), z.any(), path)
}

const commit = "0123456789abcdef0123456789abcdef01234567"
const init = ["ci", "init", "--bundle", "a.amcbundle", "--policy", "ci/release.yaml", "--source"]

test("amc ci init writes files of the services that gate by a root from outside and pinned code", async () => {
  expect(await amcJson(runner, [...init, `acme/amc@${commit}`])).toMatchObject({ exit: 0 })
  const read = (path: string) => yamlOf(join(runner.cwd, path))
  const { jobs, permissions } = read(".github/workflows/amc-gate.yml")
  expect(permissions).toEqual({ contents: "read", "pull-requests": "write" })
  for (const { uses } of jobs.gate.steps) expect(uses).toMatch(/@[0-9a-f]{40}$/)
  const { inputs } = yamlOf(join(clone, "action.yml"))
  const { with: given } = jobs.gate.steps[1]
  expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(given)))
  expect(given).toMatchObject({ "policy-root": "${{ vars.AMC_POLICY_ROOT }}" })
  const job = read(".gitlab/amc-gate.yml")["amc-gate"]
  expect(job.script.join("\n")).toContain(`checkout --quiet ${commit}`)
  expect(job.artifacts.reports).toEqual({ junit: "amc-gate.xml" })
  // What is uploaded whatever happens was not brought along by the branch.
  for (const path of [job.artifacts.reports.junit, ...job.artifacts.paths])
    expect(job.script[0]).toMatch(new RegExp(`^rm -rf .*${path}`, "u"))
  const gate = job.script
    .at(-1)
    .replace(/^node "[^"]*amc\.js" /u, "")
    .replaceAll('"', "")
  const words = gate.replace("$AMC_POLICY_ROOT", own.root).replace("a.amcbundle", bundle)
  handedPolicy(join(runner.cwd, "release.yaml"), join(runner.cwd, "ci"))
  expect(await amcJson(runner, words.split(/\s+/u))).toMatchObject({ exit: 0 })
  expect(await amcJson(runner, [...init, `acme/amc@${commit}`])).toMatchObject({ exit: 2 })
})

test.each([
  { why: "a tag", words: [...init, "acme/amc@v1"] },
  { why: "a path with a command in it", words: [...init.with(3, "a;id"), `acme/amc@${commit}`] },
  {
    why: "a path out of the repository",
    words: [...init.with(5, "../x.yaml"), `acme/amc@${commit}`],
  },
])("amc ci init takes no $why", async ({ words }) => {
  const place = makePlace()
  try {
    expect(await amcJson(place, words)).toMatchObject({ exit: 2 })
  } finally {
    place.remove()
  }
})

test("no input of the action stands in the text of a script", () => {
  const { runs } = yamlOf(join(clone, "action.yml"))
  for (const { run: script } of runs.steps) expect(script).not.toContain("${{")
})
