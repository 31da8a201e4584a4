import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { parseYaml } from "@amc/core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { z } from "zod"
import { amcJson, clone, type Ended, run } from "./testing/amc.ts"
import { handedPolicy, policyText, scoredRun, signedPolicy } from "./testing/gated.ts"
import { makePlace, type Place } from "./testing/place.ts"
import { makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

let own: TestWorkspace
let runner: Place
let bundle: string

function yamlOf(path: string) {
  return parseYaml(new Uint8Array(readFileSync(path)), z.any(), path)
}

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

/** As runners of both services run a script. */
const bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]
const action = yamlOf(join(clone, "action.yml"))
/** The text of the step that gates, as it stands in action.yml. */
const actionScript: string = action.runs.steps[1].run

let temps = 0

interface Step extends Ended {
  readonly outputs: Readonly<Record<string, string>>
  readonly summary: string
}

/** Runs the action's step as a runner would, with the environment that action.yml gives it. */
async function step(
  policy: string,
  given: Readonly<Record<string, string>> = {},
  cwd: string = runner.cwd,
): Promise<Step> {
  const temp = join(runner.top, `temp-${(temps += 1)}`)
  mkdirSync(temp)
  const [output, summary, event] = ["output", "summary", "event"].map((name) => join(temp, name))
  writeFileSync(event!, JSON.stringify({ pull_request: { number: 7 } }))
  const { port } = server.address() as AddressInfo
  const env = {
    ...runner.env,
    RUNNER_TEMP: temp,
    GITHUB_ACTION_PATH: clone,
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
  const ended = await run([...bash, actionScript], { cwd, env })
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

const commit = "0123456789abcdef0123456789abcdef01234567"
const init = ["ci", "init", "--bundle", "a.amcbundle", "--policy", "ci/release.yaml", "--source"]
const known = [...init, `acme/amc@${commit}`, "--policy-id", "release"]

test("amc ci init writes files of the services that gate by a root from outside and pinned code", async () => {
  handedPolicy(join(runner.cwd, "release.yaml"), join(runner.cwd, "ci"))
  expect(await amcJson(runner, [...init, `acme/amc@${commit}`])).toMatchObject({ exit: 0 })
  const read = (path: string) => yamlOf(join(runner.cwd, path))
  const { on, jobs, permissions } = read(".github/workflows/amc-gate.yml")
  expect(Object.keys(on)).toEqual(["pull_request_target", "push"])
  expect(permissions).toEqual({ contents: "read", "pull-requests": "write" })
  const [checkout, fetch, gate] = jobs.gate.steps
  for (const { uses } of [checkout, gate]) expect(uses).toMatch(/@[0-9a-f]{40}$/)
  expect(checkout.with).toEqual({
    ref: "${{ github.event.repository.default_branch }}",
    "persist-credentials": false,
  })
  expect(fetch.run).not.toContain("${{")
  expect(Object.keys(action.inputs)).toEqual(expect.arrayContaining(Object.keys(gate.with)))
  expect(gate.with).toMatchObject({
    "policy-id": "release",
    "policy-root": "${{ vars.AMC_POLICY_ROOT }}",
  })
  const job = read(".gitlab/amc-gate.yml")["amc-gate"]
  expect(job.script.join("\n")).toContain(`checkout --quiet ${commit}`)
  expect(job.artifacts.reports).toEqual({ junit: "amc-gate.xml" })
  // What is uploaded whatever happens was not brought along by the branch.
  for (const path of [job.artifacts.reports.junit, ...job.artifacts.paths])
    expect(job.script[0]).toMatch(new RegExp(`^rm -rf .*${path}`, "u"))
  expect(await amcJson(runner, known)).toMatchObject({ exit: 2 })
})

describe("who stole an auditor's key, which was revoked since, and brings along the list from before", () => {
  let consumer: Place & { readonly root: string }
  /** The repository of the service, with the policy on `main` and what the thief brings on `change`. */
  let origin: string
  let change: string
  let thief: string

  beforeAll(async () => {
    const place = makePlace()
    consumer = { ...place, root: (await amcJson(place, ["init"])).data.root }
    const text = (rules: string): string => policyText(own.root, rules)
    const strict = await signedPolicy(consumer, "release.yaml", text("minOverall: 5\n"))
    const stolen = await signedPolicy(consumer, "stolen/release.yaml", text(""))
    thief = handedPolicy(stolen, join(consumer.top, "thief"))
    const { keys } = (await amcJson(consumer, ["keys", "list"])).data
    const { kid } = keys.find(({ role }: { role: string }) => role === "auditor")
    const revoke = ["keys", "revoke", kid, "--from", "2026-01-01"]
    expect(await amcJson(consumer, revoke)).toMatchObject({ exit: 0 })
    await signedPolicy(consumer, "release.yaml", text("minOverall: 5\n"))
    origin = join(consumer.top, "origin")
    mkdirSync(origin)
    await git("init", "--quiet", "--initial-branch=main")
    handedPolicy(strict, join(origin, "ci"))
    expect(await amcJson(consumer, known, { cwd: origin })).toMatchObject({ exit: 0 })
    await commitAll()
    await git("checkout", "--quiet", "-b", "change")
    handedPolicy(thief, join(origin, "ci"))
    cpSync(bundle, join(origin, "a.amcbundle"))
    await commitAll()
    change = (await git("rev-parse", "HEAD")).trim()
  }, 60_000)

  afterAll(() => consumer?.remove())

  function commitAll(): Promise<string> {
    return git("add", "-A").then(() => git("commit", "--quiet", "-m", "x"))
  }

  async function git(...words: readonly string[]): Promise<string> {
    const who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    const at = { cwd: origin, env: consumer.env }
    const { exit, stdout, stderr } = await run(["git", ...who, ...words], at)
    expect(exit, stderr).toBe(0)
    return stdout
  }

  async function workAt(branch: string): Promise<string> {
    const work = join(runner.top, `work-${branch}-${(temps += 1)}`)
    await git("clone", "--quiet", "--branch", branch, origin, work)
    return work
  }

  const mainsVerdict = expect.stringContaining("Policy `release` (`release.yaml`) version 2")

  test("would pass a machine that remembers nothing and takes all from the change", async () => {
    const given = { AMC_POLICY_ROOT: consumer.root }
    expect(await step(thief, given)).toMatchObject({ exit: 0 })
  })

  test("K5: is refused by GitHub's workflow, which takes the policy from the default branch", async () => {
    const work = await workAt("main")
    const { jobs } = yamlOf(join(work, ".github/workflows/amc-gate.yml"))
    const [, fetch, { with: given }] = jobs.gate.steps
    const temp = join(runner.top, "fetched")
    mkdirSync(temp)
    const env = { ...runner.env, CHANGE: change, TOKEN: "t", RUNNER_TEMP: temp }
    const fetched = await run([...bash, fetch.run], { cwd: work, env })
    expect(fetched.exit, fetched.stderr).toBe(0)
    const inputs = {
      AMC_BUNDLE: given.bundle.replace("${{ runner.temp }}", temp),
      AMC_POLICY_ID: given["policy-id"],
      AMC_POLICY_ROOT: consumer.root,
    }
    expect(await step(given.policy, inputs, work)).toMatchObject({ exit: 1, summary: mainsVerdict })
  })

  test("K5: is refused by GitLab's job, which does the same", async () => {
    const work = await workAt("change")
    const { script } = yamlOf(join(work, ".gitlab/amc-gate.yml"))["amc-gate"]
    const own = (script as readonly string[]).filter(
      (line) => !/git clone|checkout|npm ci/u.test(line),
    )
    const text = [...own.slice(0, -1), `amc=${clone}`, own.at(-1)].join("\n")
    const env = { ...runner.env, CI_DEFAULT_BRANCH: "main", AMC_POLICY_ROOT: consumer.root }
    const { exit, stdout } = await run([...bash, text], { cwd: work, env })
    expect([exit, stdout]).toEqual([
      1,
      expect.stringContaining("policy    release (release.yaml) version 2"),
    ])
    expect(readFileSync(join(work, "amc-gate.xml"), "utf8")).toContain(
      'name="policy.version" value="2"',
    )
  })

  test("K5: is refused where a newer list was seen once, also on a policy that was refused by it", async () => {
    const place = makePlace()
    try {
      const words = ["gate", "--bundle", bundle, "--policy-root", consumer.root, "--policy"]
      const at = join(place.cwd, "release.yaml")
      handedPolicy(thief, place.cwd)
      expect(await amcJson(place, [...words, at])).toMatchObject({ exit: 0 })
      // The thief's policy beside the list that ends its key.
      cpSync(join(consumer.cwd, "release.yaml.trust.json"), `${at}.trust.json`)
      const refused = { exit: 1, findings: [{ code: "trust/key-superseded" }] }
      expect(await amcJson(place, [...words, at])).toMatchObject(refused)
      handedPolicy(thief, place.cwd)
      expect((await amcJson(place, [...words, at])).exit).toBe(1)
    } finally {
      place.remove()
    }
  })
})

test.each([
  { why: "a tag", words: known.with(7, "acme/amc@v1") },
  { why: "a path with a command in it", words: known.with(3, "a;id") },
  {
    why: "a path out of the repository",
    words: known.with(5, "../x.yaml"),
  },
  { why: "an id that none can have", words: known.with(9, "a b") },
  { why: "id of a policy that is not there", words: known.slice(0, 8), exit: 3 },
])("amc ci init takes no $why", async ({ words, exit = 2 }) => {
  const place = makePlace()
  try {
    expect(await amcJson(place, words)).toMatchObject({ exit })
  } finally {
    place.remove()
  }
})

test("no input of the action stands in the text of a script", () => {
  for (const { run: script } of action.runs.steps) expect(script).not.toContain("${{")
})
