import { once } from "node:events"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import {
  Agent,
  createServer,
  request as httpRequest,
  type Server,
  type ServerResponse,
} from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PassThrough } from "node:stream"
import {
  createGateway,
  defaultLimits,
  type Gateway,
  LeaseBook,
  PriceList,
  SecretScanner,
} from "@amc/gateway"
import { LaneWriter, openSession } from "@amc/ledger"
import { openLedger, type SqliteLedger } from "@amc/store-sqlite"
import { countingIds, sampleSession, seededSigner } from "@amc/testkit"
import * as fc from "fast-check"
import { afterAll, beforeAll, expect, test } from "vitest"
import { recordOutput } from "./output-recorder.ts"

const key = "sk-provider-Zm9v~YmFyYmF6?quux01"
const name = { agent: "coder", session: "s1" }
const limits = {
  ...defaultLimits,
  memoryBytes: 2048,
  heldBytes: 512,
  storedRequestBytes: 8192,
  storedResponseBytes: 8192,
  requestBytes: 16_384,
  idleMs: 150,
  headersMs: 150,
  totalMs: 400,
}

/** Everything that the monitor writes lies under this folder. */
const dir = mkdtempSync(join(tmpdir(), "amc-redaction-"))
const random = (size: number): Uint8Array => crypto.getRandomValues(new Uint8Array(size))
let ledger: SqliteLedger
let writer: LaneWriter
let gateway: Gateway
let upstream: Server
let answer: (response: ServerResponse) => void = (response) => response.end()
let port = 0
let token = ""
let scanner: SecretScanner
/** Names of files in which a secret was found while a call was under way: what a kill would leave. */
const seenUnderWay = new Set<string>()

beforeAll(async () => {
  ledger = openLedger(join(dir, "ledger"))
  let now = 1_800_000_000_000
  const clock = (): number => now++
  writer = await LaneWriter.open({
    store: ledger.events,
    blobs: ledger.blobs,
    lane: "main",
    origin: "test/ledger",
    rootSha256: "ab".repeat(32),
    signer: seededSigner("redaction"),
    ids: countingIds(),
    clock,
  })
  await openSession(writer, name, sampleSession)
  upstream = createServer((incoming, response) => {
    look()
    incoming.on("data", () => undefined).on("end", () => answer(response))
    response.on("error", () => undefined)
  })
  upstream.listen(0, "127.0.0.1")
  await once(upstream, "listening")
  const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
  const leases = new LeaseBook(random, clock)
  scanner = new SecretScanner([Buffer.from(key)])
  const loopback = true
  const provider = { id: "openai", origin, basePath: "/v1", key: Buffer.from(key), loopback }
  gateway = createGateway({
    recorder: writer,
    leases,
    providers: new Map([["openai", provider]]),
    clock: () => performance.now(),
    random,
    limits,
    spoolDir: dir,
    secrets: scanner,
    monitorKid: seededSigner("redaction").key.kid,
    prices: new PriceList([], []),
  })
  port = (await gateway.listen({ port: 0, host: "127.0.0.1" }, "loopback")) ?? 0
  const terms = { ...name, providers: ["openai"], ingress: "loopback", ttlMs: 1e9 } as const
  token = leases.issue(terms).token
  scanner = scanner.with(Buffer.from(token))
})

afterAll(async () => {
  await gateway.close()
  upstream.closeAllConnections()
  upstream.close()
  await writer.close()
  await ledger.close()
  rmSync(dir, { recursive: true })
})

/** The spellings that are looked for, made here and not by what is tested. */
function spellings(secret: string): readonly string[] {
  const bytes = Buffer.from(secret)
  const hex = bytes.toString("hex")
  const inBase64 = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64")
    const whole = Math.floor(((offset + bytes.length) * 8) / 6)
    return text.slice(Math.ceil((offset * 8) / 6), whole)
  })
  const url = inBase64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))
  return [secret, hex, hex.toUpperCase(), ...inBase64, ...url]
}

function leaks(): readonly string[] {
  const forms = [key, token].flatMap(spellings)
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap((entry) => {
      const bytes = readFileSync(join(entry.parentPath, entry.name))
      return forms.filter((form) => bytes.includes(form)).map((form) => `${entry.name}: ${form}`)
    })
}

function look(): void {
  for (const leak of leaks()) seenUnderWay.add(leak)
}

/** A secret as an agent or a model could write it, with something around it. */
const disguised = fc
  .tuple(
    fc.constantFrom("key", "token"),
    fc.constantFrom("plain", "hex", "HEX", "base64", "base64url"),
    fc.string({ maxLength: 5 }),
  )
  .map(([which, form, around]) => {
    const secret = which === "key" ? key : token
    const text = Buffer.from(`${around}${secret}${around}`)
    if (form === "plain") return secret
    if (form === "HEX") return text.toString("hex").toUpperCase()
    return text.toString(form as BufferEncoding)
  })
const content = fc
  .array(fc.oneof({ weight: 2, arbitrary: disguised }, fc.string({ maxLength: 60 })), {
    maxLength: 6,
  })
  .chain((parts) =>
    fc
      .nat({ max: 12_000 })
      .map((filler) => `${parts.join("-")}${".".repeat(filler)}${parts.at(0) ?? ""}`),
  )
const cuts = fc.array(fc.integer({ min: 1, max: 900 }), { maxLength: 12 })

function piecesOf(text: string, sizes: readonly number[]): readonly Buffer[] {
  const bytes = Buffer.from(text)
  const pieces: Buffer[] = []
  let at = 0
  for (const size of sizes) pieces.push(bytes.subarray(at, (at += size)))
  return [...pieces, bytes.subarray(at)].filter(({ length }) => length > 0)
}

const endings = [
  "complete",
  "stream",
  "error",
  "redirect",
  "upstream-cut",
  "timeout",
  "client-gone",
  "no-answer",
] as const

interface Exchange {
  readonly ending: (typeof endings)[number]
  readonly said: string
  readonly saidCuts: readonly number[]
  readonly answered: string
  readonly answeredCuts: readonly number[]
  readonly path: string
  readonly isJson: boolean
}

function answerOf({ ending, answered, answeredCuts, isJson }: Exchange): typeof answer {
  const pieces = piecesOf(isJson ? JSON.stringify({ model: answered }) : answered, answeredCuts)
  return (response) => {
    if (ending === "no-answer") return void response.destroy()
    const status = ending === "error" ? 500 : ending === "redirect" ? 302 : 200
    const type = ending === "stream" ? "text/event-stream" : `application/json; was=${key}`
    response.writeHead(status, { "content-type": type, location: `/${key}` })
    for (const piece of pieces) response.write(ending === "stream" ? `data: ${piece}\n\n` : piece)
    look()
    if (ending === "upstream-cut") setTimeout(() => response.destroy(), 5)
    else if (ending !== "timeout") response.end()
  }
}

/** Makes one call. Resolves when the client has what it gets. */
function call(exchange: Exchange): Promise<void> {
  answer = answerOf(exchange)
  const { said, saidCuts, ending, path, isJson } = exchange
  const body = isJson ? JSON.stringify({ model: said, stream: ending === "stream" }) : said
  return new Promise((resolve) => {
    const outgoing = httpRequest({
      port,
      host: "127.0.0.1",
      method: "POST",
      path: `/openai/chat/completions?${encodeURIComponent(path)}`,
      headers: { authorization: `Bearer ${token}`, "content-type": `application/json; x=${token}` },
      agent: new Agent(),
    })
    outgoing.on("error", () => resolve()).on("close", () => resolve())
    outgoing.on("response", (response) => {
      if (ending === "client-gone") return outgoing.destroy()
      response.on("error", () => undefined).resume()
      return undefined
    })
    for (const piece of piecesOf(body, saidCuts)) outgoing.write(piece)
    look()
    outgoing.end()
  })
}

test(
  "no byte that is stored holds a known secret, however a call ends and wherever it was cut (L7)",
  { timeout: 120_000 },
  async () => {
    const exchange = fc.record({
      ending: fc.constantFrom(...endings),
      said: content,
      saidCuts: cuts,
      answered: content,
      answeredCuts: cuts,
      path: fc.oneof(disguised, fc.constant("")),
      isJson: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(exchange, async (each) => {
        await call(each)
        await writer.flush()
        expect(leaks()).toEqual([])
      }),
      { numRuns: 60 },
    )
    await expect.poll(() => readdirSync(dir).filter((file) => file.startsWith("body-"))).toEqual([])
    expect([...seenUnderWay]).toEqual([])
    const endingsSeen = new Set<string>()
    for await (const { leaf } of ledger.events.readType("main", "llm_response"))
      endingsSeen.add(/"completeness":"([a-z-]+)"/u.exec(Buffer.from(leaf).toString())?.[1] ?? "")
    expect(endingsSeen.size).toBeGreaterThan(3)
  },
)

test("no byte of an agent's output that is stored holds a known secret", async () => {
  await fc.assert(
    fc.asyncProperty(content, fc.nat({ max: 70_000 }), cuts, async (said, filler, sizes) => {
      const stream = new PassThrough()
      const done = recordOutput("agent_stdout", stream, {
        recorder: writer,
        channel: "sandbox",
        ...name,
        secrets: scanner,
      })
      // So that borders of stored pieces come to lie inside of secrets.
      for (const piece of piecesOf("x".repeat(filler) + said.repeat(3), sizes)) stream.write(piece)
      stream.end()
      await done
      expect(leaks()).toEqual([])
    }),
    { numRuns: 25 },
  )
})
