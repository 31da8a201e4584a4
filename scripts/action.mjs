// What action.yml runs: `amc gate`, its outcome as step summary, outputs and one comment that is written anew. It
// ends as the gate does; that a comment can't be written is a warning.
import { spawnSync } from "node:child_process"
import { randomUUID } from "node:crypto"
import { appendFileSync, existsSync, mkdtempSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const program = fileURLToPath(new URL("../packages/cli/bin/amc.js", import.meta.url))
const { env } = process
const marker = "<!-- amc-gate -->"
const summaryMax = 1024 * 1024

const folder = mkdtempSync(join(env["RUNNER_TEMP"] ?? tmpdir(), "amc-gate-"))
const file = (end) => join(folder, `gate.${end}`)

function given(name, option) {
  const value = env[name] ?? ""
  return value === "" ? [] : [`--${option}=${value}`]
}

const { AMC_GITHUB_TOKEN: _, ...withoutToken } = env
const run = spawnSync(
  process.execPath,
  [
    program,
    "gate",
    ...given("AMC_BUNDLE", "bundle"),
    ...given("AMC_POLICY", "policy"),
    ...given("AMC_POLICY_ROOT", "policy-root"),
    ...given("AMC_POLICY_ID", "policy-id"),
    ...given("AMC_POLICY_MIN_VERSION", "policy-min-version"),
    ...given("AMC_PREVIOUS", "previous"),
    ...["sarif", "xml", "md", "json"].flatMap((end) => ["--out", file(end)]),
  ],
  // Without a root of its own the gate must not fall back to what some runner remembers.
  { encoding: "utf8", env: { ...withoutToken, XDG_STATE_HOME: join(folder, "state") } },
)
// The runner obeys `##[…]` anywhere in a line, and names of a producer stand in these.
const token = randomUUID()
process.stdout.write(`::stop-commands::${token}\n`)
process.stdout.write(`${run.stdout ?? ""}\n`)
process.stdout.write(`${run.stderr ?? ""}\n`)
process.stdout.write(`::${token}::\n`)

const exit = run.status ?? 70
const outcome = existsSync(file("json")) ? JSON.parse(readFileSync(file("json"), "utf8")) : null
const text = existsSync(file("md"))
  ? readFileSync(file("md"), "utf8")
  : `${marker}\n\n### ⛔ Evidence gate: could not look (exit ${exit})\n`

const outputs = {
  verdict: exit === 0 && outcome?.passed === true ? "passed" : "refused",
  exit,
  level: outcome?.bundle?.overall ?? "",
  trust: outcome?.bundle?.trust_label ?? "",
  "bundle-digest": outcome?.bundle ? `sha256:${outcome.bundle.sha256}` : "",
  sarif: existsSync(file("sarif")) ? file("sarif") : "",
  junit: existsSync(file("xml")) ? file("xml") : "",
}
if (env["GITHUB_OUTPUT"])
  for (const [name, value] of Object.entries(outputs))
    appendFileSync(env["GITHUB_OUTPUT"], `${name}=${value}\n`)
if (env["GITHUB_STEP_SUMMARY"] && Buffer.byteLength(text) < summaryMax)
  appendFileSync(env["GITHUB_STEP_SUMMARY"], text)

/** The number of the pull request that the event is about, or null. */
function pullRequest() {
  if (!env["GITHUB_EVENT_PATH"] || !existsSync(env["GITHUB_EVENT_PATH"])) return null
  return JSON.parse(readFileSync(env["GITHUB_EVENT_PATH"], "utf8")).pull_request?.number ?? null
}

async function ask(method, path, body) {
  const response = await fetch(
    `${env["GITHUB_API_URL"]}/repos/${env["GITHUB_REPOSITORY"]}${path}`,
    {
      method,
      headers: {
        accept: "application/vnd.github+json",
        authorization: `Bearer ${env["AMC_GITHUB_TOKEN"]}`,
        "content-type": "application/json",
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    },
  )
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`)
  return response.json()
}

/** Somebody else may write a comment that begins like ours: only a bot's is ours. */
async function ownComment(number) {
  for (let page = 1; page <= 10; page++) {
    const comments = await ask("GET", `/issues/${number}/comments?per_page=100&page=${page}`)
    const own = comments.find(({ body, user }) => user?.type === "Bot" && body?.startsWith(marker))
    if (own !== undefined) return own.id
    if (comments.length < 100) return null
  }
  return null
}

async function comment(number) {
  const id = await ownComment(number)
  if (id === null) await ask("POST", `/issues/${number}/comments`, { body: text })
  else await ask("PATCH", `/issues/comments/${id}`, { body: text })
}

const number = pullRequest()
if (env["AMC_GITHUB_TOKEN"] && number !== null)
  await comment(number).catch((error) =>
    process.stdout.write(`::warning::the comment could not be written: ${error.message}\n`),
  )
process.exitCode = exit
