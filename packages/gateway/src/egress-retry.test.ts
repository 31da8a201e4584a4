import { mkdtempSync, rmSync } from "node:fs"
import { type AddressInfo, connect, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connect as connectTls, createServer, type Server } from "node:tls"
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest"
import { readClientHello } from "./client-hello.ts"
import {
  type EgressLab,
  helloFor,
  makeCertificate,
  openEgressLab,
  RawClient,
  retryRequest,
} from "./egress-lab.fixture.ts"
import { readServerAnswer } from "./server-hello.ts"

/** Takes a group of curves that no client sends a share for first, so each hello is asked for anew. */
let server: Server
let folder = ""

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "amc-egress-retry-"))
  server = createServer({ ...makeCertificate(folder), ecdhCurve: "P-521" }, (socket) =>
    socket.end("hello"),
  )
  server.on("tlsClientError", () => undefined)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
})

afterAll(async () => {
  await new Promise((resolve) => server.close(resolve))
  rmSync(folder, { recursive: true })
})

/** What passed behind the proxy. */
interface Said {
  client: Buffer
  server: Buffer
}

/** A proxy in front of that server, with an ear between them. */
async function lab(): Promise<EgressLab & { readonly said: Said }> {
  const said: Said = { client: Buffer.alloc(0), server: Buffer.alloc(0) }
  const { port } = server.address() as AddressInfo
  const opened = await openEgressLab({
    allow: (at) => [`localhost:${at}`],
    names: { localhost: ["127.0.0.1"] },
    onConnection: (socket) => relay(socket, connect(port, "127.0.0.1"), said),
  })
  onTestFinished(() => opened.close())
  return { ...opened, said }
}

function relay(client: Socket, host: Socket, said: Said): void {
  client.on("data", (piece: Buffer) => {
    said.client = Buffer.concat([said.client, piece])
    host.write(piece)
  })
  host.on("data", (piece: Buffer) => {
    said.server = Buffer.concat([said.server, piece])
    client.write(piece)
  })
  client.on("end", () => host.end()).on("close", () => host.destroy())
  host.on("end", () => client.end()).on("error", () => client.destroy())
}

async function tunnel(own: EgressLab): Promise<RawClient> {
  const client = new RawClient(own.port).send(own.connectHead(`localhost:${own.host.port}`))
  onTestFinished(() => void client.socket.destroy())
  await client.sees("Established\r\n\r\n")
  client.text = ""
  return client
}

async function handshake(
  own: EgressLab & { readonly said: Said },
): Promise<{ readonly said: Said; readonly text: string }> {
  const { socket } = await tunnel(own)
  const secure = connectTls({ socket, servername: "localhost", rejectUnauthorized: false })
  let text = ""
  secure.on("data", (piece: Buffer) => (text += piece.toString()))
  await new Promise((resolve, reject) => secure.once("close", resolve).once("error", reject))
  return { said: own.said, text }
}

/** What a client of Node's own says: both hellos, and the second one for another server of a name as long. */
async function overheard(): Promise<Record<"first" | "second" | "fronted", Buffer>> {
  const { said } = await handshake(await lab())
  const hello = readClientHello(said.client)
  const size = hello.state === "hello" ? hello.size : 0
  // A change of ciphers stands before the second one.
  const at = said.client.indexOf(Buffer.of(22, 3), size)
  const second = said.client.subarray(size, at + 5 + said.client.readUInt16BE(at + 3))
  const fronted = Buffer.from(second)
  fronted.write("otherhost", fronted.indexOf("localhost"))
  return { first: said.client.subarray(0, size), second, fronted }
}

/** The first hello, and what follows once the server has answered. */
async function sendAnew(
  own: { readonly said: Said },
  client: RawClient,
  [first = Buffer.alloc(0), ...rest]: readonly Buffer[],
): Promise<void> {
  client.send(first)
  while (own.said.server.length === 0) await new Promise(setImmediate)
  for (const piece of rest) {
    client.send(piece)
    await new Promise(setImmediate)
  }
}

function piecesOf(bytes: Buffer, size: number): Buffer[] {
  const count = Math.ceil(bytes.length / size)
  return Array.from({ length: count }, (_, n) => bytes.subarray(n * size, (n + 1) * size))
}

test("a handshake whose hello the server asks for anew goes through (RFC 8446 section 4.1.2) (G3)", async () => {
  const own = await lab()
  const { said, text } = await handshake(own)
  expect(text).toBe("hello")
  expect(readServerAnswer(said.server)).toBe("retry")
  await own.recorded("network_traffic", 1)
  expect(own.moved()[0]).toMatchObject({
    completeness: "complete",
    bytes_sent: said.client.length,
    bytes_received: said.server.length,
  })
  expect(own.recorder.of("audit")).toEqual([])
})

test("a real server answers a second hello that is replayed, so that one would do harm (G3)", async () => {
  const hellos = await overheard()
  const own = await lab()
  const client = await tunnel(own)
  client.send(hellos.first)
  while (readServerAnswer(Buffer.from(client.text, "latin1")) !== "retry")
    await new Promise(setImmediate)
  const before = client.text.length
  client.send(hellos.second)
  const answer = "\x16\x03\x03"
  while (!client.text.includes(answer, before)) await new Promise(setImmediate)
  expect(own.said.client).toEqual(Buffer.concat([hellos.first, hellos.second]))
})

test.each([
  { why: "asked for", isEager: false, by: 1000 },
  { why: "asked for, in pieces", isEager: false, by: 40 },
  { why: "sent along with the first", isEager: true, by: 1000 },
])("a second hello for another server, $why, does not reach it (G3)", async ({ isEager, by }) => {
  const { first, fronted } = await overheard()
  const own = await lab()
  const client = await tunnel(own)
  if (isEager) client.send(Buffer.concat([first, fronted]))
  else await sendAnew(own, client, [first, ...piecesOf(fronted, by)])
  await client.closed
  await own.recorded("audit", 1)
  await own.recorded("network_traffic", 1)
  expect(own.said.client.toString("latin1")).not.toContain("otherhost")
  expect(own.recorder.of("audit")[0]?.facts.measured).toMatchObject({
    code: "NETWORK_EGRESS_BLOCKED",
    subject: "egress/server-name",
    detail: expect.stringContaining("the second ClientHello names otherhost"),
  })
  expect(own.moved()[0]?.completeness).toBe("refused")
  expect(own.recorder.of("network_traffic")[0]?.facts.reported).toEqual({
    hellos: [{ server_name: "otherhost", encrypted_hello: false }],
  })
  // A fatal alert, access_denied.
  expect(client.text.endsWith("\x15\x03\x03\x00\x02\x02\x31")).toBe(true)
})

test.each([
  { why: "names nobody", hello: helloFor(null), code: "egress/server-name" },
  { why: "is in other letters", hello: helloFor("LOCALHOST"), code: "egress/server-name" },
  { why: "is none", hello: Buffer.from("GET / HTTP/1.1\r\n\r\n"), code: "egress/not-tls" },
])("a second hello that $why is refused (G3)", async ({ hello, code }) => {
  const own = await openEgressLab({
    onConnection: (socket) => socket.write(retryRequest),
    allow: (at) => [`localhost:${at}`],
    names: { localhost: ["127.0.0.1"] },
  })
  onTestFinished(() => own.close())
  const client = await tunnel(own)
  const first = helloFor("localhost")
  client.send(first)
  await client.sees(retryRequest.toString("latin1"))
  client.send(hello)
  await client.closed
  await own.recorded("audit", 1)
  expect(own.recorder.of("audit")[0]?.facts.measured.subject).toBe(code)
  expect(own.host.received).toBe(first.toString("latin1"))
})

test("a hello that ends in none, of which no more comes, is ended by the clock (G3)", async () => {
  const own = await openEgressLab({
    onConnection: (socket) => socket.write(retryRequest),
    allow: (at) => [`localhost:${at}`],
    names: { localhost: ["127.0.0.1"] },
    limits: { idleMs: 50 },
  })
  onTestFinished(() => own.close())
  const client = await tunnel(own)
  client.send(helloFor("localhost"))
  client.send(helloFor("localhost").subarray(0, 30))
  await client.closed
  await own.recorded("network_traffic", 1)
  expect(own.moved()[0]?.completeness).toBe("timeout")
})
