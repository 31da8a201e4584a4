import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { expect, onTestFinished, test } from "vitest"
import { openEgressLab } from "./egress-lab.fixture.ts"
import { type Lab, type LabTerms, openLab, rawRequest, talk } from "./lab.fixture.ts"

async function lab(terms: LabTerms): Promise<Lab> {
  const opened = await openLab(terms)
  onTestFinished(() => opened.close())
  return opened
}

function head(token: string): string {
  return `POST /openai/x HTTP/1.1\r\nhost: h\r\nx-api-key: ${token}\r\ncontent-length: 9\r\n\r\n`
}

test.each([
  { why: "a body that stops", part: (token: string) => `${head(token)}part` },
  {
    why: "a head that stops behind a call",
    part: (token: string) => `${head(token)}all of it${head(token).slice(0, -2)}`,
  },
])("$why is answered by 408 and audited on its lease's account (slowloris)", async ({ part }) => {
  const opened = await lab({ limits: { requestMs: 200 } })
  const { text } = await talk({ port: opened.port }, part(opened.token))
  expect(text).toMatch(/HTTP\/1\.1 408 Request Timeout\r\n[^]*"code":"gateway\/slow-request"/)
  await opened.gateway.close()
  expect(opened.recorder.of("audit")).toMatchObject([
    {
      agent: "agent-1",
      session: "session-1",
      facts: { measured: { code: "GATEWAY_REQUEST_REFUSED", subject: "gateway/slow-request" } },
    },
  ])
  const calls = opened.recorder.of("llm_request").length
  expect([opened.recorder.of("llm_response").length, opened.upstream.requests.length]).toEqual([
    calls,
    calls,
  ])
})

test("a head that stops is nobody's evidence on a port, and the run's on its own socket (slowloris)", async () => {
  const opened = await lab({ limits: { requestMs: 200 } })
  const part = "POST /openai/x HTTP/1.1\r\nhost: h"
  for (const at of [{ port: opened.port }, { path: opened.socketPath }])
    expect((await talk(at, part)).text).toMatch(/^HTTP\/1\.1 408 /)
  await opened.gateway.close()
  expect(opened.recorder.of("audit")).toMatchObject([
    { agent: "agent-1", session: "session-1", channel: "gateway:run-socket" },
  ])
})

test("a head to the proxy that stops is the run's evidence on its own socket (slowloris) (G3)", async () => {
  const opened = await openEgressLab({ limits: { headMs: 200 } })
  onTestFinished(() => opened.close())
  const part = opened.connectHead("host.test:443").slice(0, -2)
  for (const at of [{ port: opened.port }, { path: opened.socketPath }])
    expect((await talk(at, part)).text).toMatch(/^HTTP\/1\.1 408 /)
  await opened.egress.close()
  expect(opened.recorder.of("audit")).toMatchObject([
    { agent: "agent-2", facts: { measured: { subject: "gateway/slow-request" } } },
  ])
})

test("who takes nothing of a stream is cut off by the idle clock, before its total one (commandcode-proxy #20)", async () => {
  const piece = Buffer.alloc(1 << 16, "x")
  const opened = await lab({
    limits: { idleMs: 300 },
    handler: (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" })
      const push = (): void => {
        while (!response.destroyed) if (!response.write(piece)) return
      }
      response.on("drain", push)
      push()
    },
  })
  const socket = connect(opened.port, "127.0.0.1")
  onTestFinished(() => void socket.destroy())
  socket.pause().write(rawRequest("GET", "/openai/x", { "x-api-key": opened.token }))
  const ended = expect.poll(() => opened.recorder.of("llm_response").length, { timeout: 20_000 })
  await ended.toBe(1)
  expect(opened.recorder.of("llm_response")[0]?.facts.measured).toMatchObject({
    completeness: "client-gone",
    status: 200,
  })
})

test("who waits for an answer is not cut off, however long beyond the idle clock", async () => {
  let answer = (): void => undefined
  const opened = await lab({
    limits: { idleMs: 50 },
    handler: (_request, response) => void (answer = () => response.end("{}")),
  })
  const socket: Socket = connect(opened.port, "127.0.0.1")
  onTestFinished(() => void socket.destroy())
  socket.write(rawRequest("GET", "/openai/x", { "x-api-key": opened.token }))
  await expect.poll(() => opened.upstream.requests.length).toBe(1)
  await new Promise((resolve) => setTimeout(resolve, 200))
  answer()
  const [bytes] = (await once(socket, "data")) as [Buffer]
  expect(bytes.toString()).toMatch(/^HTTP\/1\.1 200 /)
})
