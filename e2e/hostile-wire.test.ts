import { readFileSync } from "node:fs"
import type { Socket } from "node:net"
import { gzipSync } from "node:zlib"
import { sha256Hex } from "@amc/core"
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest"
import { RawClient } from "../packages/gateway/src/egress-lab.fixture.ts"
import { amc } from "./testing/amc.ts"
import { connectionsOf, eventsOf, measuredOf, type StoredEvent } from "./testing/evidence.ts"
import { issueLease, type Standing, startGateway } from "./testing/gateway.ts"
import { type RawProvider, sayFine, startRawProvider } from "./testing/raw-provider.ts"
import { addProvider, makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

/** Raw bytes on the built gateway and its proxy: what came to the provider has to be what was recorded. */
let own: TestWorkspace
let provider: RawProvider
/** A host that the proxy lets through: no provider, which it would refuse. */
let allowed: RawProvider
let gateway: Standing
let lease = { token: "", id: "" }
/** Answers that wait for a test's word. */
const waiting: (() => void)[] = []

const MiB = 1024 * 1024
const bomb = gzipSync(Buffer.alloc(300 * MiB))
const big = Buffer.alloc(8 * MiB, "x")

interface Answer {
  readonly bytes: string | Buffer
  /** What the provider does next; it waits if that is not said. */
  readonly next?: (socket: Socket) => void
  /** What the client sees: a status, or 0 for a reset. */
  readonly status: number
  readonly completeness?: string
  readonly body?: string
}

const close = (socket: Socket): void => void socket.end()
const reset = (socket: Socket): void => void setTimeout(() => socket.resetAndDestroy(), 20)
const cut = { status: 502, completeness: "upstream-cut" } as const
const broken = { status: 0, completeness: "upstream-cut" } as const
const ok = "HTTP/1.1 200 OK\r\n"
const early = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\nx-amc-receipt: forged\r\n\r\n"

/** What a provider may answer, by the name that stands in the path. */
const answers: Readonly<Record<string, Answer>> = {
  "refused-expectation": { bytes: "HTTP/1.1 417 No\r\ncontent-length: 0\r\n\r\n", status: 417 },
  "a-thousand-hints": {
    bytes: `${early.repeat(1000)}${ok}content-length: 2\r\n\r\n{}`,
    status: 200,
  },
  "another-protocol": {
    bytes: "HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    ...cut,
  },
  "204-with-a-body": {
    bytes: "HTTP/1.1 204 No\r\ncontent-length: 5\r\n\r\nhello",
    status: 204,
    body: "",
  },
  "304-with-a-body": {
    bytes: "HTTP/1.1 304 No\r\ncontent-length: 5\r\n\r\nhello",
    status: 304,
    body: "",
  },
  "status-999": { bytes: "HTTP/1.1 999 What\r\ncontent-length: 0\r\n\r\n", status: 999 },
  "status-99": { bytes: "HTTP/1.1 099 What\r\ncontent-length: 0\r\n\r\n", ...cut },
  "no-words": { bytes: "HTTP/1.1 200\r\ncontent-length: 2\r\n\r\n{}", status: 200 },
  trailers: {
    bytes: `${ok}transfer-encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nx-amc-receipt: forged\r\nset-cookie: forged\r\n\r\n`,
    status: 200,
    body: "{}",
  },
  "long-trailers": {
    bytes: `${ok}transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nx: ${"x".repeat(200_000)}\r\n\r\n`,
    ...broken,
  },
  "length-and-chunks": {
    bytes: `${ok}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
    ...cut,
  },
  "two-lengths": { bytes: `${ok}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`, ...cut },
  "a-length-with-a-sign": { bytes: `${ok}content-length: +2\r\n\r\n{}`, ...cut },
  "an-end-by-closing": { bytes: `${ok}\r\n{}`, next: close, status: 200, body: "{}" },
  "http-1-0": { bytes: "HTTP/1.0 200 OK\r\n\r\n{}", next: close, status: 200, body: "{}" },
  "no-head": { bytes: "{}", next: close, ...cut },
  "a-folded-field": { bytes: `${ok}x-a: 1\r\n 2\r\ncontent-length: 2\r\n\r\n{}`, ...cut },
  "a-nul-in-a-field": { bytes: `${ok}x-a: 1\0\r\ncontent-length: 2\r\n\r\n{}`, ...cut },
  "a-return-in-a-field": { bytes: `${ok}x-a: 1\r2: 3\r\ncontent-length: 2\r\n\r\n{}`, ...cut },
  "lines-without-returns": { bytes: "HTTP/1.1 200 OK\ncontent-length: 2\n\n{}", ...cut },
  "a-long-head": {
    bytes: `${ok}x-a: ${"x".repeat(70_000)}\r\ncontent-length: 2\r\n\r\n{}`,
    ...cut,
  },
  "eight-bits": {
    bytes: Buffer.from(`${ok}x-a: \xe9\r\ncontent-length: 2\r\n\r\n{}`, "latin1"),
    status: 200,
  },
  "two-answers": {
    bytes: `${ok}content-length: 2\r\n\r\n{}${ok}content-length: 6\r\n\r\nforged`,
    status: 200,
    body: "{}",
  },
  "reset-at-once": { bytes: "", next: reset, ...cut },
  "reset-in-the-head": { bytes: `${ok}x-a`, next: reset, ...cut },
  "reset-in-the-body": { bytes: `${ok}content-length: 9\r\n\r\nab`, next: reset, ...broken },
  "reset-in-a-chunk": {
    bytes: `${ok}transfer-encoding: chunked\r\n\r\n9\r\nab`,
    next: reset,
    ...broken,
  },
  "no-last-chunk": {
    bytes: `${ok}transfer-encoding: chunked\r\n\r\n2\r\nab\r\n`,
    next: close,
    ...broken,
  },
  "a-coding-that-lies": {
    bytes: `${ok}content-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}`,
    status: 200,
    body: "{}",
  },
  "a-bomb": {
    bytes: Buffer.concat([
      Buffer.from(`${ok}content-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`),
      bomb,
    ]),
    status: 200,
  },
}

/** What a provider says before it has the body. */
const tooEarly: Readonly<Record<string, Answer>> = {
  "early-413": {
    bytes: "HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\n{}",
    status: 413,
    body: "{}",
  },
  "early-200": { bytes: `${ok}content-length: 2\r\n\r\n{}`, status: 200, body: "{}" },
  "early-reset": { bytes: "", next: reset, ...cut },
}

const nameIn = (line: string): string => /\/answer\/([\w-]+)/u.exec(line)?.[1] ?? ""

function say(socket: Socket, { bytes, next }: Answer): void {
  socket.write(bytes, () => next?.(socket))
}

beforeAll(async () => {
  own = await makeWorkspace()
  provider = await startRawProvider(
    (request, socket) => {
      const name = nameIn(request.line)
      if (name in tooEarly) return
      if (name === "later") return void waiting.push(() => sayFine(request, socket))
      const answer = answers[name]
      if (answer === undefined) sayFine(request, socket)
      else say(socket, answer)
    },
    ({ line }, socket) => {
      const answer = tooEarly[nameIn(line)]
      if (answer !== undefined) say(socket, answer)
    },
  )
  await addProvider(own, "raw", provider)
  allowed = await startRawProvider(sayFine, () => undefined)
  const allow = ["egress", "allow", `localhost:${allowed.port}`, "--addresses", "127.0.0.1/32"]
  expect((await amc(own, allow)).exit).toBe(0)
  gateway = await startGateway(own)
  lease = await issueLease(own, "hostile", "raw")
}, 240_000)

afterAll(async () => {
  await gateway?.stop()
  await provider?.close()
  await allowed?.close()
  await own?.close()
})

function rssMiB(): number {
  const status = readFileSync(`/proc/${gateway.child.pid}/status`, "utf8")
  return Number(/VmRSS:\s+(\d+) kB/u.exec(status)?.[1]) / 1024
}

function visitor(url: string | null, bytes: string | Buffer): RawClient {
  const client = new RawClient(Number(new URL(url ?? "").port))
  onTestFinished(() => void client.socket.destroy())
  return client.send(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes)
}

/** The statuses of all answers, but for those before the one that counts; none is a connection that was cut off. */
async function statusesOf(client: RawClient, count = 1): Promise<readonly number[]> {
  const seen = (): number[] =>
    [...client.text.matchAll(/HTTP\/1\.1 ([2-9]\d\d) [^]*?\r\n\r\n/gu)].map(([, text]) =>
      Number(text),
    )
  while (seen().length < count && !client.socket.destroyed) await new Promise(setImmediate)
  return seen()
}

function head(line: string, ...fields: readonly string[]): string {
  return [line, "host: h", `x-api-key: ${lease.token}`, ...fields, "", ""].join("\r\n")
}

const post = "POST /raw/x HTTP/1.1"
const smuggled = (): string => head("GET /raw/smuggled HTTP/1.1")

/** Heads of a body `hello` that no two readers have to understand alike. */
const doubtful: readonly (readonly string[])[] = [
  ["content-length: 5", "content-length: 5"],
  ["content-length: 5, 5"],
  ["content-length: 5", "content-length: 6"],
  ["content-length: 5", "transfer-encoding: chunked"],
  ["transfer-encoding: gzip, chunked"],
  ["transfer-encoding: chunked, gzip"],
  ["transfer-encoding: chunked, chunked"],
  ["transfer-encoding: identity"],
  ["transfer-encoding: xchunked"],
  ["transfer-encoding: chunked", "transfer-encoding: identity"],
  ["Transfer-Encoding : chunked"],
  ["content-length: +5"],
  ["content-length: 0x5"],
  ["content-length: -5"],
  ["content-length:"],
  ["content-length: 99999999999999999999"],
  ["content-length: 5", "x-a: 1\r\n folded"],
  ["content-length: 5", "x-a : 1"],
  ["content-length: 5", "x-a: 1\r2"],
  ["content-length: 5", "x-a: 1\0"],
  ["content-length: 5", "x a: 1"],
  ["content-length: 5", ": 1"],
  ["content-length: 5", `x-a: ${"y".repeat(70_000)}`],
  ["content-length: 5", ...Array.from({ length: 3000 }, () => "a: b")],
]

test.each(doubtful.map((fields) => ({ fields, name: JSON.stringify(fields).slice(0, 80) })))(
  "what may be read in two ways is refused: $name (smuggling)",
  async ({ fields }) => {
    const before = provider.arrived.length
    const client = visitor(gateway.url, `${head(post, ...fields)}hello${smuggled()}`)
    expect(await client.all()).toMatch(/^HTTP\/1\.1 400 [^]*"code":"gateway\/bad-request"/u)
    expect(client.text.match(/HTTP\/1\.1/gu)).toHaveLength(1)
    expect(provider.arrived).toHaveLength(before)
  },
)

test.each([
  { target: "*", status: 400 },
  { target: "http://127.0.0.1/raw/x", status: 400 },
  { target: "raw/x", status: 400 },
  { target: "/raw/x#f", status: 400 },
  { target: "/raw/x\u00e9", status: 400 },
  { target: "/raw/x\0", status: 400 },
  { target: "/raw/x\t", status: 400 },
  { target: "/raw/..", status: 400 },
  { target: "/raw/.%2e/x", status: 400 },
  { target: "/raw/x/..%5cy", status: 400 },
  { target: "/raw/%2e%2e;a/x", status: 400 },
  { target: "/raw/..%00/x", status: 400 },
  { target: "/amc/../raw/x", status: 400 },
  { target: "//raw/x", status: 404 },
  { target: "/RAW/x", status: 404 },
  { target: "/%72aw/x", status: 404 },
  { target: "/raw%2fx", status: 404 },
  { target: "/raw\\..\\x", status: 404 },
  { method: "TRACE", target: "/raw/x", status: 400 },
  { method: "TRACK", target: "/raw/x", status: 400 },
  { method: "get", target: "/raw/x", status: 400 },
  { method: "PRI", target: "*", status: 400 },
  { method: "CONNECT", target: "127.0.0.1:443", status: 400 },
])("$method $target gets $status, and nothing is forwarded", async (row) => {
  const { method = "GET", target, status } = row
  const before = provider.arrived.length
  const client = visitor(gateway.url, head(`${method} ${target} HTTP/1.1`, "connection: close"))
  expect(await statusesOf(client)).toEqual([status])
  expect(provider.arrived).toHaveLength(before)
})

test.each([
  {
    why: "chunks with extensions",
    fields: ["transfer-encoding: chunked"],
    body: '2;a="b";c\r\nhe\r\n3\r\nllo\r\n0;d\r\n\r\n',
  },
  {
    why: "trailers",
    fields: ["transfer-encoding: chunked", "trailer: x-t"],
    body: "5\r\nhello\r\n0\r\nx-t: 1\r\nx-api-key: other\r\n\r\n",
  },
  { why: "a wait for 100", fields: ["expect: 100-continue", "content-length: 5"], body: "hello" },
  { why: "another expectation", fields: ["expect: x", "content-length: 5"], body: "hello" },
  {
    why: "a length that Connection names",
    fields: ["connection: content-length, x-api-key, host", "content-length: 5"],
    body: "hello",
  },
  {
    why: "a chunked body in name only",
    fields: ["transfer_encoding: chunked", "content_length: 9", "content-length: 5"],
    body: "hello",
  },
  { why: "two Hosts", fields: ["host: evil.test", "content-length: 5"], body: "hello" },
  {
    why: "an offer of HTTP/2",
    fields: ["connection: upgrade", "upgrade: h2c", "http2-settings: AA", "content-length: 5"],
    body: "hello",
  },
  {
    why: "a coding that lies",
    fields: ["content-encoding: gzip", "content-length: 5"],
    body: "hello",
  },
  {
    why: "a form",
    fields: ["content-type: multipart/form-data; boundary=x", "content-length: 5"],
    body: "hello",
  },
  {
    why: "eight bits in a field",
    fields: ["x-a: \u00e9\u00ff", "content-length: 5"],
    body: "hello",
  },
])("$why: the provider gets one plain request with the body alone", async ({ fields, body }) => {
  const client = visitor(gateway.url, head("POST /raw/x/%63hat?a=%2F&b HTTP/1.1", ...fields) + body)
  expect(await statusesOf(client)).toEqual([200])
  const { line, fields: got, body: arrived } = provider.arrived.at(-1)!
  expect([line, arrived.toString()]).toEqual(["POST /x/%63hat?a=%2F&b HTTP/1.1", "hello"])
  expect(got.filter((field) => /^content-length/iu.test(field))).toEqual(["content-length: 5"])
  expect(got.filter((field) => /^host/iu.test(field))).toEqual([`host: 127.0.0.1:${provider.port}`])
  expect(got.join("\n")).not.toMatch(
    /^(?:transfer[-_]encoding|content_length|trailer|x-t|expect|upgrade|x-api-key)/imu,
  )
  expect(got.join("\n")).not.toContain(lease.token)
})

test("a body that is a request stays one, and so does what lies behind a refusal", async () => {
  const inner = smuggled()
  const bodied = visitor(gateway.url, head(post, `content-length: ${inner.length}`) + inner)
  expect(await statusesOf(bodied)).toEqual([200])
  expect(provider.arrived.at(-1)!.body.toString("latin1")).toBe(inner)
  const before = provider.arrived.length
  const nobody = `POST /raw/x HTTP/1.1\r\nhost: h\r\ncontent-length: ${inner.length}\r\n\r\n${inner}`
  const upgrade = head("GET /raw/x HTTP/1.1", "connection: upgrade", "upgrade: websocket")
  const closed = [nobody, upgrade + inner, head("CONNECT a.test:443 HTTP/1.1") + inner]
  for (const bytes of closed) {
    const client = visitor(gateway.url, bytes)
    await client.all()
    expect(client.text.match(/HTTP\/1\.1 \d/gu)).toHaveLength(1)
  }
  const long = visitor(gateway.url, head(post, "content-length: 70000000") + inner)
  expect(await statusesOf(long)).toEqual([413])
  expect(provider.arrived).toHaveLength(before)
})

test("a body that is held back is asked for only when its lease is good", async () => {
  const fields = ["host: h", "expect: 100-Continue", "content-length: 5", "", ""]
  const nobody = visitor(gateway.url, [post, ...fields].join("\r\n"))
  expect(await statusesOf(nobody)).toEqual([401])
  expect(nobody.text).not.toContain(" 100 ")
  const client = visitor(gateway.url, head(post, ...fields.slice(1, 3)))
  while (!client.text.includes("HTTP/1.1 100 ")) await new Promise(setImmediate)
  expect(await statusesOf(client.send(Buffer.from("hello")))).toEqual([200])
})

test("a connection that was refused once is good for the next request", async () => {
  const bare = "GET /raw/x HTTP/1.1\r\nhost: h\r\n\r\n"
  const client = visitor(gateway.url, bare + head("GET /raw/kept HTTP/1.1"))
  expect(await statusesOf(client, 2)).toEqual([401, 200])
  expect(provider.arrived.at(-1)!.line).toBe("GET /kept HTTP/1.1")
})

test("a client that ends its side hung up: it gets nothing, and nothing is forwarded", async () => {
  const before = provider.arrived.length
  const client = visitor(
    gateway.url,
    head("POST /raw/half HTTP/1.1", "content-length: 9") + "hello",
  )
  client.socket.end()
  expect(await client.all()).not.toMatch(/ 200 /u)
  expect(provider.arrived).toHaveLength(before)
})

test.each(Object.entries(answers))(
  "an answer of a hostile provider, %s, comes to its end",
  async (name, { status, body }) => {
    const client = visitor(
      gateway.url,
      head(`POST /raw/answer/${name} HTTP/1.1`, "content-length: 2", "connection: close") + "{}",
    )
    const text = await client.all()
    const [first = 0] = status === 0 && client.isReset ? [0] : await statusesOf(client)
    expect(first).toBe(status)
    expect(text).not.toContain("forged")
    if (body !== undefined) expect(text.slice(text.indexOf("\r\n\r\n") + 4)).toBe(body)
  },
)

test.each(Object.entries(tooEarly))(
  "%s: an answer before the body is there is the answer",
  async (name, { status }) => {
    const line = `POST /raw/answer/${name} HTTP/1.1`
    const client = visitor(
      gateway.url,
      Buffer.concat([Buffer.from(head(line, `content-length: ${big.length}`)), big]),
    )
    expect(await statusesOf(client)).toEqual([status])
  },
)

test("bombs of 300 MiB, sent and answered, are not unpacked in memory", async () => {
  const client = visitor(
    gateway.url,
    Buffer.concat([
      Buffer.from(head(post, "content-encoding: gzip", `content-length: ${bomb.length}`)),
      bomb,
    ]),
  )
  expect(await statusesOf(client)).toEqual([200])
  expect(provider.arrived.at(-1)!.body.equals(bomb)).toBe(true)
  expect(rssMiB()).toBeLessThan(500)
})

test("what waits behind a call whose lease is revoked is not forwarded, and a WebSocket is refused as before (G6)", async () => {
  const revoked = await issueLease(own, "revoked", "raw")
  const ask = (line: string, ...more: string[]): string =>
    head(line, ...more).replace(lease.token, revoked.token)
  const client = visitor(
    gateway.url,
    ask("GET /raw/answer/later HTTP/1.1") + ask("GET /raw/behind HTTP/1.1"),
  )
  while (waiting.length === 0) await new Promise(setImmediate)
  expect((await amc(own, ["lease", "revoke", revoked.id])).exit).toBe(0)
  expect(await statusesOf(client, 2)).toEqual([401, 401])
  waiting.splice(0)[0]?.()
  const upgrade = ask("GET /raw/x HTTP/1.1", "connection: upgrade", "upgrade: websocket")
  expect(await visitor(gateway.url, upgrade).all()).toMatch(/^HTTP\/1\.1 426 /u)
  expect(provider.arrived.map(({ line }) => line)).not.toContain("GET /behind HTTP/1.1")
})

const credentials = (): string =>
  `Proxy-Authorization: Basic ${Buffer.from(`agent:${lease.token}`).toString("base64")}`

function plain(method: string, path: string, ...fields: readonly string[]): string {
  const host = `localhost:${allowed.port}`
  const line = `${method} http://${host}${path} HTTP/1.1`
  return [line, `host: ${host}`, credentials(), ...fields, "", ""].join("\r\n")
}

test("the body of a plain request is no request to its host, whatever Connection says (smuggling) (G3)", async () => {
  const inner = "GET /smuggled HTTP/1.1\r\nhost: evil.test\r\n\r\n"
  for (const method of ["GET", "POST"]) {
    const fields = [`content-length: ${inner.length}`, "connection: content-length"]
    const client = visitor(gateway.egressUrl, plain(method, "/egress", ...fields) + inner)
    expect(await statusesOf(client)).toEqual([200])
    expect(allowed.arrived.at(-1)).toMatchObject({ line: `${method} /egress HTTP/1.1` })
    expect(allowed.arrived.at(-1)!.body.toString()).toBe(inner)
  }
})

test(
  "what came to the provider is what was recorded, each call has its end, and the ledger verifies (G1)",
  { timeout: 120_000 },
  async () => {
    expect(await gateway.stop()).toBe(0)
    const events = await eventsOf(own.dir)
    const lines = [...provider.arrived, ...allowed.arrived].map(({ line }) => line)
    expect(lines.filter((line) => line.includes("smuggled"))).toEqual([])
    const arrived = provider.arrived.map(
      ({ line, body }) => `${line.split(/[ ?]/u, 2).join(" ")} ${sha256Hex(body)}`,
    )
    expect(arrived.toSorted()).toEqual(forwarded(events).toSorted())
    expect(completenessOf(events)).toMatchObject(
      Object.fromEntries(
        Object.entries(answers).map(([name, { completeness = "complete" }]) => [
          name,
          completeness,
        ]),
      ),
    )
    const opened = connectionsOf(events, "network_connect", "hostile")
    const ended = connectionsOf(events, "network_traffic", "hostile").filter(
      ({ completeness }) => completeness !== "open",
    )
    expect([opened.length, ended.length]).toEqual([2, 2])
    for (const command of [["gateway", "reconcile"], ["verify"]]) {
      const { exit, stdout } = await amc(own, command)
      expect(exit, stdout).toBe(0)
    }
  },
)

/** The recorded requests, but those that the provider broke off itself before their body was there. */
function forwarded(events: readonly StoredEvent[]): readonly string[] {
  return events.flatMap(({ event }) => {
    if (event.type !== "llm_request") return []
    const { measured, reported } = event.facts as {
      measured: { method: string }
      reported: { path: string }
    }
    if (nameIn(reported.path) in tooEarly) return []
    return [`${measured.method} ${reported.path} ${event.payload?.sha256}`]
  })
}

/** How the calls for each answer ended. */
function completenessOf(events: readonly StoredEvent[]): Readonly<Record<string, string>> {
  const names = new Map(
    events.flatMap(({ event, hash }) => {
      const { path = "" } = event.facts.reported as { path?: string }
      return event.type === "llm_request" ? [[hash, nameIn(path)] as const] : []
    }),
  )
  return Object.fromEntries(
    measuredOf(events, "llm_response").map(({ request_event_hash, completeness }) => [
      names.get(request_event_hash) ?? "",
      completeness,
    ]),
  )
}
