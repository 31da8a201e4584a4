import { once } from "node:events"
import { createServer, type Server } from "node:http"
import { connect, type AddressInfo } from "node:net"
import { AmcError, encodeAddCheckpoint, isFault, openCosignatures, utf8 } from "@amc/core"
import { MemoryWitnessStore } from "@amc/testkit"
import { afterEach, expect, test } from "vitest"
import { askWitness, type WitnessReply } from "./witness-client.ts"
import { LogFixture, makeWitness, origin, verifier } from "./witness.fixture.ts"
import { serveWitness } from "./witness-server.ts"
import type { WitnessStore } from "./witness-store.ts"

const honest = new LogFixture(20)
const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

async function serve(store?: WitnessStore): Promise<{ url: string; warnings: string[] }> {
  const warnings: string[] = []
  const { witness } = makeWitness(store)
  const warn = (text: string): void => void warnings.push(text)
  const server = await serveWitness({ witness, host: "127.0.0.1", port: 0, warn })
  open.push(() => server.close())
  return { url: server.url, warnings }
}

const patience = (): AbortSignal => AbortSignal.timeout(10_000)

function ask(url: string, oldSize: number, size: number): Promise<WitnessReply> {
  const asked = { oldSize, path: honest.path(oldSize, size), note: honest.note(size) }
  return askWitness({ url, verifier }, asked, patience())
}

test("a log asks a witness over HTTP, and gets lines that verify", async () => {
  const { url } = await serve()
  const reply = await ask(url, 0, 7)
  expect(reply.kind).toBe("cosigned")
  if (reply.kind !== "cosigned") return
  expect(openCosignatures(honest.note(7) + reply.line, [verifier])).toHaveLength(1)
  expect(await ask(url, 3, 9)).toEqual({ kind: "size", size: 7 })
  expect(await ask(url, 7, 9)).toMatchObject({ kind: "cosigned" })
  const fork = new LogFixture(12, "fork", 4)
  const forged = { oldSize: 9, path: fork.path(9, 12), note: fork.note(12) }
  expect(await askWitness({ url, verifier }, forged, patience())).toEqual({ kind: "contradicted" })
})

test("many logs' threads at once: one tree grows, and nothing is rolled back (L19)", async () => {
  const store = new MemoryWitnessStore()
  const { url } = await serve(store)
  const replies = await Promise.all([3, 5, 7, 9, 11].map((size) => ask(url, 0, size)))
  expect(replies.filter(({ kind }) => kind === "cosigned")).toHaveLength(1)
  const { size } = (await store.latest(origin)) as { size: number }
  expect(replies.filter(({ kind }) => kind === "size")).toEqual(
    Array.from({ length: 4 }, () => ({ kind: "size", size })),
  )
})

test.each([
  { method: "GET", path: "/add-checkpoint", status: 405 },
  { method: "POST", path: "/", status: 404 },
  { method: "POST", path: "/add-checkpoint/", status: 404 },
  { method: "POST", path: "/add-checkpoint?x=1", status: 404 },
  { method: "GET", path: "/checkpoint", status: 404 },
])("answers $method $path with $status", async ({ method, path, status }) => {
  const { url } = await serve()
  expect((await fetch(url + path, { method })).status).toBe(status)
})

test("answers in the words and types of the protocol", async () => {
  const { url } = await serve()
  const post = (body: Uint8Array): Promise<Response> =>
    fetch(`${url}/add-checkpoint`, { method: "POST", body: new Uint8Array(body) })
  expect((await post(honest.request(0, 7))).headers.get("content-type")).toMatch(/^text\/plain/)
  const conflict = await post(honest.request(3, 9))
  expect(conflict.headers.get("content-type")).toBe("text/x.tlog.size")
  expect(await conflict.text()).toBe("7\n")
  expect((await post(utf8("old 0\n"))).status).toBe(400)
  expect((await post(new Uint8Array(200_000))).status).toBe(413)
})

test("a medium that fails is told inside and answered without a word about it", async () => {
  class Broken extends MemoryWitnessStore {
    override swap(): Promise<boolean> {
      throw new AmcError("store/unavailable", "the disk at /secret/place is full")
    }
  }
  const { url, warnings } = await serve(new Broken())
  const body = new Uint8Array(honest.request(0, 7))
  const response = await fetch(`${url}/add-checkpoint`, { method: "POST", body })
  expect(response.status).toBe(503)
  expect(await response.text()).not.toMatch(/secret/)
  expect(warnings).toEqual(["the disk at /secret/place is full"])
})

test("a request that is too large is answered before it is all there", async () => {
  const { url } = await serve()
  const socket = connect(Number(new URL(url).port), "127.0.0.1")
  const size = 100_000_000
  socket.write(`POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: ${size}\r\n\r\n`)
  socket.write("x".repeat(200_000))
  const [answer] = (await once(socket, "data")) as [Buffer]
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 413 /)
  socket.destroy()
})

test("a client that goes away in the middle harms nobody", async () => {
  const { url, warnings } = await serve()
  const socket = connect(Number(new URL(url).port), "127.0.0.1")
  await once(socket, "connect")
  socket.write("POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nold 0")
  socket.destroy()
  await once(socket, "close")
  expect(await ask(url, 0, 7)).toMatchObject({ kind: "cosigned" })
  expect(warnings).toEqual([])
})

test("a place that is taken can't be listened on", async () => {
  const { url } = await serve()
  const { witness } = makeWitness()
  const port = Number(new URL(url).port)
  await expect(
    serveWitness({ witness, host: "127.0.0.1", port, warn: () => undefined }),
  ).rejects.toMatchObject({ code: "usage/invalid" })
})

/** A server that answers as it likes. */
async function answering(listener: Parameters<typeof createServer>[1]): Promise<string> {
  const server: Server = createServer(listener as never)
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  open.push(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, "close")
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const other = new LogFixture(7, "other")

test.each([
  { why: "another status", status: 500, body: "" },
  { why: "no cosignature", status: 200, body: "" },
  { why: "a line of nobody", status: 200, body: honest.note(7).split("\n\n")[1]! },
  { why: "something that is no line", status: 200, body: "hello\n" },
  { why: "a size that is none", status: 409, body: "07\n" },
  { why: "a size that is too large to be one", status: 409, body: `${2 ** 53}\n` },
  { why: "a size of another type", status: 409, body: "7\n", type: "text/plain" },
])("a witness that answers with $why gave no answer", async ({ status, body, type }) => {
  const url = await answering((_request, response) => {
    response.writeHead(status, { "content-type": type ?? "text/x.tlog.size" }).end(body)
  })
  await expect(ask(url, 0, 7)).rejects.toMatchObject({ code: "witness/unavailable" })
})

test("an answer that goes on and on is not read to its end", async () => {
  const url = await answering((_request, response) => void response.write("x".repeat(70_000)))
  await expect(ask(url, 0, 7)).rejects.toMatchObject({
    code: "witness/unavailable",
    message: expect.stringMatching(/the answer is too long$/),
  })
})

test("a forged line in a witness's name poisons nothing that is kept (L20)", async () => {
  const { ask: cosign } = makeWitness()
  const good = await cosign(honest.request(0, 7))
  const forOther = await makeWitness().ask(other.request(0, 7))
  const url = await answering((_request, response) => void response.end(forOther.body))
  await expect(ask(url, 0, 7)).rejects.toMatchObject({ code: "witness/unavailable" })
  const both = await answering((_request, response) => {
    response.end(honest.note(7).split("\n\n")[1]! + good.body + good.body)
  })
  expect(await ask(both, 0, 7)).toEqual({ kind: "cosigned", line: good.body })
})

test("a redirect is not followed", async () => {
  const asked: string[] = []
  const url = await answering((request, response) => {
    asked.push(request.url ?? "")
    response.writeHead(307, { location: "/elsewhere" }).end()
  })
  await expect(ask(url, 0, 7)).rejects.toMatchObject({ code: "witness/unavailable" })
  expect(asked).toEqual(["/add-checkpoint"])
})

test("one that never answers is given up when the caller's time is over", async () => {
  const stop = new AbortController()
  const url = await answering((request) => void request.once("data", () => stop.abort()))
  const asked = { oldSize: 0, path: [], note: honest.note(7) }
  const fault: unknown = await askWitness({ url, verifier }, asked, stop.signal).catch(
    (error: unknown) => error,
  )
  expect(isFault(fault, "witness/unavailable")).toBe(true)
  expect(String(fault)).toMatch(/no answer in time/)
})

test("the client asks in the protocol's own words", async () => {
  let body = ""
  const url = await answering((request, response) => {
    request.setEncoding("utf8").on("data", (piece: string) => (body += piece))
    request.on("end", () => response.writeHead(404).end())
  })
  await ask(url, 3, 7).catch(() => undefined)
  expect(utf8(body)).toEqual(
    encodeAddCheckpoint({ oldSize: 3, path: honest.path(3, 7), note: honest.note(7) }),
  )
})
