import { connect } from "node:net"
import { expect, onTestFinished, test } from "vitest"
import { lab, type Lab, rawRequest, talk } from "./lab.fixture.ts"

function sentOn(opened: Lab, count: number, more: Record<string, string> = {}): string {
  const own = { "x-api-key": opened.token, connection: "keep-alive", ...more }
  const one = (_none: unknown, n: number) => rawRequest("POST", "/openai/x", own, `${n}`)
  return Array.from({ length: count }, one).join("")
}

test("requests that are sent on without waiting are answered in their order, one call at a time (pipelining)", async () => {
  let [running, most] = [0, 0]
  const opened = await lab({
    handler: (_request, response, body) => {
      most = Math.max(most, ++running)
      setImmediate(() => {
        running--
        response.end(`<${body}>`)
      })
    },
  })
  const { text } = await talk({ port: opened.port }, sentOn(opened, 40), (all, socket) => {
    if (all.includes("<39>")) socket.end()
  })
  expect(text.match(/(?<=<)\d+(?=>)/g)?.map(Number)).toEqual(
    Array.from({ length: 40 }, (_none, n) => n),
  )
  expect(most).toBe(1)
})

test.each([
  { why: "requests", count: 200, more: {} },
  { why: "long heads", count: 20, more: { "x-long": "y".repeat(10_000) } },
])(
  "one connection keeps one call under way, and $why do not wait without end behind it",
  async (row) => {
    const opened = await lab({ handler: () => undefined })
    const closed = talk({ port: opened.port }, sentOn(opened, row.count, row.more))
    expect(await closed).toMatchObject({ text: "" })
    await opened.gateway.close()
    expect(opened.recorder.of("llm_request").length).toBeLessThan(2)
  },
)

const noRequests = [
  { why: "bytes that are no request", sent: "no request\r\n\r\n" },
  {
    why: "a WebSocket",
    sent: "GET /openai/x HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
  },
  { why: "a tunnel", sent: "CONNECT a.test:443 HTTP/1.1\r\nhost: h\r\n\r\n" },
]

test.each(noRequests)(
  "$why behind a call under way ends it before its answer (pipelining)",
  async ({ sent }) => {
    let answer = (): void => undefined
    const opened = await lab({
      handler: (_request, response) => void (answer = () => response.end("{}")),
    })
    const closed = talk({ port: opened.port }, sentOn(opened, 1) + sent)
    await expect.poll(() => opened.recorder.of("llm_request").length).toBe(1)
    await closed
    answer()
    await opened.gateway.close()
    expect(opened.recorder.of("llm_response")).toMatchObject([
      { facts: { measured: { completeness: "client-gone", status: 0 } } },
    ])
  },
)

test.each(noRequests)(
  "$why behind a stream under way ends it and puts nothing into it (pipelining)",
  async ({ sent }) => {
    const opened = await lab({
      handler: (_request, response) =>
        void response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n"),
    })
    const { text } = await talk({ port: opened.port }, sentOn(opened, 1), (all, socket) => {
      if (all.endsWith("data: 1\n\n\r\n")) socket.write(sent)
    })
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*data: 1\n\n\r\n$/)
    await opened.gateway.close()
    expect(opened.recorder.of("llm_response")).toMatchObject([
      { facts: { measured: { completeness: "client-gone", status: 200 } } },
    ])
  },
)

test("what waits behind a call whose client leaves is neither recorded nor forwarded", async () => {
  const opened = await lab({ handler: () => undefined })
  const socket = connect(opened.port, "127.0.0.1").on("error", () => undefined)
  onTestFinished(() => void socket.destroy())
  socket.write(sentOn(opened, 3))
  await expect.poll(() => opened.upstream.requests.length).toBe(1)
  socket.destroy()
  await expect.poll(() => opened.recorder.of("llm_response").length).toBe(1)
  await opened.gateway.close()
  expect(opened.recorder.of("llm_request")).toHaveLength(1)
})
