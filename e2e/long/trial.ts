import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { loadKeyring } from "@amc/vault"
import { verifyReceipt } from "@amc/verify"
import { amc, amcJson, clone, type Ended, run } from "../testing/amc.ts"
import { eventsOf, measuredOf, type StoredEvent } from "../testing/evidence.ts"
import type { Upstream } from "../testing/upstream.ts"
import { makeWorkspace, type TestWorkspace } from "../testing/workspace.ts"
import type { Agent } from "./agents.ts"
import { type Fault, startScripted, wireOf } from "./scripted-provider.ts"
import { model, usage } from "./wire-scripts.ts"

/** How an agent is run: by itself with the provider's key, or through AMC. */
export const ways = ["direct", "wrap", "box"] as const
export type Way = (typeof ways)[number]

/** What came of one run. */
export interface Trial {
  readonly agent: string
  readonly way: Way
  readonly fault: Fault
  /** Whether the note was written. */
  readonly isDone: boolean
  readonly exit: number | null
  /** Calls of a model that the provider saw. */
  readonly calls: number
  readonly seconds: number
  /** What is wrong with the evidence. */
  readonly flaws: readonly string[]
}

/** A workspace with one scripted provider of each kind, all at one server. */
export interface Stand {
  trial(agent: Agent, way: Way, fault: Fault): Promise<Trial>
  /** Of all that was recorded: what `amc verify` and `amc gateway reconcile` end with. */
  settled(): Promise<readonly (number | null)[]>
  close(): Promise<void>
}

const kinds = { anthropic: "ANTHROPIC", openai: "OPENAI", gemini: "GEMINI" } as const

export async function openStand(): Promise<Stand> {
  const own = await makeWorkspace()
  const upstream = await startScripted()
  const keyFile = join(own.top, "provider.key")
  for (const kind of Object.keys(kinds)) {
    const words = ["provider", "add", kind, "--upstream", upstream.origin, "--key-file", keyFile]
    const added = await amcJson(own, words)
    if (!added.ok) throw new Error(added.stdout)
  }
  let count = 0
  return {
    trial: async (agent, way, fault) => {
      upstream.fault = fault
      return trial(own, upstream, { agent, way, fault, id: `${agent.name}-${++count}` })
    },
    settled: async () => {
      const ends = [await amc(own, ["verify"]), await amc(own, ["gateway", "reconcile"])]
      return ends.map(({ exit }) => exit)
    },
    close: async () => {
      await upstream.close()
      await own.close()
    },
  }
}

interface Terms {
  readonly agent: Agent
  readonly way: Way
  readonly fault: Fault
  /** The name that it is recorded under. */
  readonly id: string
}

async function trial(own: TestWorkspace, upstream: Upstream, terms: Terms): Promise<Trial> {
  const { agent, way, fault, id } = terms
  clearWork(own, agent)
  const before = upstream.arrived.length
  const started = performance.now()
  const ended = await start(own, upstream, terms)
  const seconds = Math.round((performance.now() - started) / 100) / 10
  const arrived = upstream.arrived.slice(before)
  const calls = arrived.filter((one) => wireOf(one) !== null && one.body.length > 0)
  const flaws =
    way === "direct" ? [] : await flawsOf(own, terms, { ended, arrived, calls: calls.length })
  const isDone = way === "box" ? await isChecked(own, id) : isWritten(own)
  if (process.env["LONG_SHOWN"] !== undefined) process.stderr.write(ended.stdout + ended.stderr)
  const { exit } = ended
  return { agent: agent.name, way, fault, isDone, exit, calls: calls.length, seconds, flaws }
}

/** Each run has a home and a work folder with nothing of the last one's. */
function clearWork(own: TestWorkspace, { files }: Agent): void {
  for (const name of readdirSync(own.cwd))
    if (name !== ".amc") rmSync(join(own.cwd, name), { recursive: true })
  for (const name of readdirSync(own.env["HOME"] ?? ""))
    if (!name.startsWith(".amc"))
      rmSync(join(own.env["HOME"] ?? "", name), { recursive: true, force: true })
  for (const [name, content] of Object.entries(files)) own.write(name, JSON.stringify(content))
}

function isWritten({ cwd }: TestWorkspace): boolean {
  const note = join(cwd, "note.txt")
  return existsSync(note) && readFileSync(note, "utf8") === "hello"
}

async function isChecked(own: TestWorkspace, id: string): Promise<boolean> {
  const checks = measuredOf(await eventsOf(own.dir), "outcome", id)
  return checks.length === 1 && checks[0]?.passed === true
}

const bounded = ["timeout", "-k", "5", "120"]

function start(own: TestWorkspace, upstream: Upstream, terms: Terms): Promise<Ended> {
  const { agent, way, id } = terms
  const command = [...bounded, ...agent.words]
  if (way === "direct") return run(command, { cwd: own.cwd, env: directEnv(own, upstream) })
  const who = ["--agent", id, "--provider", agent.kind]
  if (way === "box") {
    const check = ["--check", 'test "$(cat note.txt)" = hello']
    return amc(own, ["sandbox", "run", ...who, ...check, "--", ...agent.words])
  }
  const reader = join(clone, "e2e/long/receipt-reader.ts")
  const script = '"$@"; code=$?; node $READER $DIR $ID $OUT >&2; exit $code'
  const named = { READER: reader, DIR: own.dir, ID: id, OUT: receiptsOf(own) }
  const words = Object.entries(named).map(([name, value]) => `${name}=${value}`)
  return amc(own, ["wrap", ...who, "--", "env", ...words, "sh", "-c", script, "sh", ...command])
}

function receiptsOf({ top }: TestWorkspace): string {
  return join(top, "receipts.json")
}

function directEnv(own: TestWorkspace, { origin }: Upstream): Record<string, string> {
  const key = own.providerKey
  mkdirSync(own.env["HOME"] ?? "", { recursive: true })
  return {
    ...own.env,
    LANG: "C.UTF-8",
    OPENAI_BASE_URL: `${origin}/v1`,
    OPENAI_API_KEY: key,
    ANTHROPIC_BASE_URL: origin,
    ANTHROPIC_API_KEY: key,
    GOOGLE_GEMINI_BASE_URL: origin,
    GEMINI_API_KEY: key,
    // As through AMC, whose proxy lets nothing out.
    HTTPS_PROXY: "http://127.0.0.1:9",
    HTTP_PROXY: "http://127.0.0.1:9",
    NO_PROXY: "127.0.0.1,localhost,::1",
  }
}

interface Seen {
  readonly ended: Ended
  readonly arrived: Upstream["arrived"]
  readonly calls: number
}

async function flawsOf(own: TestWorkspace, terms: Terms, seen: Seen): Promise<string[]> {
  const events = (await eventsOf(own.dir)).filter(({ event }) => event.agent === terms.id)
  return [
    ...countFlaws(events, seen),
    ...factFlaws(events, terms),
    ...keyFlaws(own, seen),
    ...(terms.way === "wrap" ? receiptFlaws(own, events) : []),
  ]
}

function countFlaws(events: readonly StoredEvent[], { arrived }: Seen): string[] {
  const requests = measuredOf(events, "llm_request")
  const answered = measuredOf(events, "llm_response").map(
    ({ request_event_hash }) => request_event_hash,
  )
  const open = events.filter(
    ({ event, hash }) => event.type === "llm_request" && !answered.includes(hash),
  )
  return [
    ...(requests.length === arrived.length
      ? []
      : [`${requests.length} requests recorded, ${arrived.length} arrived`]),
    ...(open.length === 0 ? [] : [`${open.length} requests without an answer`]),
    ...(answered.length === requests.length ? [] : ["answers and requests differ in number"]),
  ]
}

/** Model, tools and usage as the script said them, where nothing broke a stream. */
function factFlaws(events: readonly StoredEvent[], { agent, fault }: Terms): string[] {
  const reported = (type: string): Record<string, unknown>[] =>
    events
      .filter(({ event }) => event.type === type)
      .map(({ event }) => event.facts.reported as Record<string, unknown>)
  const requests = reported("llm_request").filter(({ format }) => format !== "other")
  const answers = reported("llm_response")
  const flaws: string[] = []
  if (!requests.every((one) => one["model"] === agent.asks && one["stream"] === true))
    flaws.push("a request's model or stream is not what was asked for")
  if (!requests.some((one) => Number(one["tools"]) > 0)) flaws.push("no tool offered")
  if (fault !== "none" && fault !== "delay") return flaws
  const isCounted = (one: Record<string, unknown>): boolean =>
    one["input_tokens"] === usage.input && one["output_tokens"] === usage.output
  if (
    !answers
      .filter((one) => one["model"] !== "")
      .every((one) => one["model"] === model && isCounted(one))
  )
    flaws.push(`an answer's model or usage is wrong: ${JSON.stringify(answers)}`)
  if (answers.filter((one) => one["tool_calls"] === 1).length !== 1)
    flaws.push("not one answer with one tool call")
  return flaws
}

/** The provider gets its key; the agent never has it. */
function keyFlaws({ cwd, env, providerKey }: TestWorkspace, { ended, arrived }: Seen): string[] {
  const isKeyed = arrived.every(({ headers }) =>
    ["authorization", "x-api-key", "x-goog-api-key"].some((name) =>
      String(headers[name] ?? "").endsWith(providerKey),
    ),
  )
  const isLeased = arrived.some(
    ({ headers, body }) =>
      JSON.stringify(headers).includes("amc-lease-") || body.includes("amc-lease-"),
  )
  const held = [cwd, env["HOME"] ?? ""].filter((folder) => holds(folder, providerKey))
  return [
    ...(isKeyed ? [] : ["a request arrived without the provider's key"]),
    ...(isLeased ? ["a lease arrived at the provider"] : []),
    ...(held.length > 0 || (ended.stdout + ended.stderr).includes(providerKey)
      ? ["the agent had the provider's key"]
      : []),
  ]
}

function holds(folder: string, text: string): boolean {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("/.amc"))
    .some((entry) => readFileSync(join(entry.parentPath, entry.name)).includes(text))
}

function receiptFlaws(own: TestWorkspace, events: readonly StoredEvent[]): string[] {
  const file = receiptsOf(own)
  if (!existsSync(file)) return ["no receipts were fetched"]
  const all = JSON.parse(readFileSync(file, "utf8")) as { request: string; response: string }[]
  rmSync(file)
  const keyring = loadKeyring(own.dir, own.root)
  const leaves = new Map(events.map(({ hash, leaf }) => [hash, leaf]))
  const isGood = (text: string | null): boolean => {
    const read = verifyReceipt(text ?? "", { keyring })
    if (!read.accepted) return false
    const leaf = leaves.get(read.value.receipt.event_hash)
    return leaf !== undefined && verifyReceipt(text ?? "", { keyring, leaf }).accepted
  }
  const bad = all.filter(({ request, response }) => !isGood(request) || !isGood(response))
  const requests = measuredOf(events, "llm_request").length
  return [
    ...(all.length === requests ? [] : [`${all.length} receipts for ${requests} requests`]),
    ...(bad.length === 0 ? [] : [`${bad.length} receipts do not verify`]),
  ]
}
