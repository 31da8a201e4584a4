import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { expect, onTestFinished, test } from "vitest"
import { openEgressLab } from "./egress-lab.fixture.ts"
import { lab, type Lab, rawRequest, talk } from "./lab.fixture.ts"

/** Connections that say nothing, or only what is given. */
async function hold(port: number, count: number, bytes = ""): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(port, "127.0.0.1"))
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()))
  for (const socket of sockets) {
    socket.on("error", () => undefined).resume()
    await once(socket, "connect")
    if (bytes !== "") socket.write(bytes)
  }
  return sockets
}

function asking(opened: Lab, token = opened.token, more: Record<string, string> = {}): string {
  return rawRequest("GET", "/openai/x", { "x-api-key": token, ...more })
}

test.each([
  { why: "silent", bytes: "" },
  { why: "slow", bytes: "GET /openai/x HTTP/1.1\r\nhost: gateway\r\nx-" },
  { why: "leaseless", bytes: "GET /amc/health HTTP/1.1\r\nhost: gateway\r\n\r\n" },
])("$why connections make room for one with a lease (slowloris)", async ({ bytes }) => {
  const opened = await lab({ limits: { connections: 3 } })
  await hold(opened.port, 6, bytes)
  expect((await talk(opened, asking(opened))).text).toMatch(/^HTTP\/1.1 200 /)
})

test("connections of the egress proxy that show no lease make room too (G3)", async () => {
  const own = await openEgressLab({ limits: { connections: 3 } })
  onTestFinished(() => own.close())
  await hold(own.port, 6)
  const [visitor] = await hold(own.port, 1, own.connectHead(`host.test:${own.host.port}`))
  const [answer] = (await once(visitor as Socket, "data")) as [Buffer]
  expect(`${answer}`).toMatch(/^HTTP\/1.1 200 /)
})

test("calls under way make no room, and connections that wait for nothing do", async () => {
  const opened = await lab({
    limits: { connections: 2 },
    handler: ({ url }, response) => void (url?.endsWith("/silent") || response.end("{}")),
  })
  const open = asking(opened, opened.token, { connection: "keep-alive" })
  const [idle] = await hold(opened.port, 1, open)
  await once(idle as Socket, "data")
  const under = Promise.all(await hold(opened.port, 1, open.replace("/x ", "/silent ")))
  await expect.poll(() => opened.upstream.requests.length).toBe(2)
  const [late] = await hold(opened.port, 1, open.replace("/x ", "/silent "))
  await expect.poll(() => opened.upstream.requests.length).toBe(3)
  expect(idle?.destroyed).toBe(true)
  expect((await talk(opened, asking(opened))).text).toBe("")
  expect([...(await under), late].map((socket) => socket?.destroyed)).toEqual([false, false])
})

test("one lease has so many connections at once, and the next lease its own", async () => {
  const opened = await lab({ limits: { connectionsPerLease: 2 } })
  const open = asking(opened, opened.token, { connection: "keep-alive" })
  const [first] = await hold(opened.port, 2, open)
  await expect.poll(() => opened.upstream.requests.length).toBe(2)
  expect((await talk(opened, asking(opened))).text).toMatch(
    /^HTTP\/1.1 429 [^]*gateway\/rate-limit/,
  )
  expect((await talk(opened, asking(opened, opened.issue()))).text).toMatch(/^HTTP\/1.1 200 /)
  first?.destroy()
  await expect
    .poll(async () => (await talk(opened, asking(opened))).text)
    .toMatch(/^HTTP\/1.1 200 /)
})

test("a connection that goes over to another lease is no longer the first one's", async () => {
  const opened = await lab({ limits: { connectionsPerLease: 1 } })
  const [socket] = await hold(opened.port, 1, asking(opened, opened.token, { connection: "" }))
  await once(socket as Socket, "data")
  socket?.write(asking(opened, opened.issue(), { connection: "" }))
  await once(socket as Socket, "data")
  expect((await talk(opened, asking(opened))).text).toMatch(/^HTTP\/1.1 200 /)
})
