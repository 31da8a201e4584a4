import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { type Controlled, serveControl } from "./gateway-control.ts"

const gateway: Controlled = {
  url: "http://127.0.0.1:1",
  isLocked: false,
  issue: () => Promise.reject(new TypeError("no test issues a lease")),
  leases: () => [],
  revoke: () => Promise.reject(new TypeError("no test revokes a lease")),
  lock: () => Promise.resolve(),
}

async function newControl(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "amc-control-"))
  const path = join(folder, "control.sock")
  const server = await serveControl(gateway, path)
  onTestFinished(async () => {
    await server.close()
    rmSync(folder, { recursive: true })
  })
  return path
}

/** What comes back for these bytes when the asker then says no more. */
async function answerTo(path: string, bytes: string): Promise<string> {
  const socket = connect(path)
  let heard = ""
  socket.on("data", (piece) => (heard += String(piece)))
  socket.end(bytes)
  await once(socket, "close")
  return heard
}

const head = (method: string, path: string, length = 0): string =>
  `${method} ${path} HTTP/1.1\r\nhost: gateway\r\ncontent-length: ${length}\r\n\r\n`

test("a command that is broken off in its body does not end the gateway", async () => {
  const path = await newControl()
  const socket = connect(path)
  socket.write(`${head("POST", "/leases", 100)}{"agent":`)
  await once(socket, "connect")
  await answerTo(path, head("GET", "/status"))
  socket.destroy()
  await once(socket, "close")
  expect(await answerTo(path, head("GET", "/status"))).toContain('"locked":false')
})

test.each([
  { why: "an unknown command", bytes: head("GET", "/nothing"), code: "usage/invalid" },
  { why: "a body that is no JSON", bytes: `${head("POST", "/leases", 1)}{`, code: "usage/invalid" },
  { why: "a lease without its agent", bytes: `${head("POST", "/leases", 2)}{}`, code: "agent" },
  {
    why: "a body past the limit",
    bytes: `${head("POST", "/leases", 70_000)}${"x".repeat(70_000)}`,
    code: "input/too-large",
  },
])("refuses $why, and goes on", async ({ bytes, code }) => {
  const path = await newControl()
  const answer = await answerTo(path, bytes)
  expect(answer).toMatch(/^HTTP\/1.1 400 /)
  expect(answer).toContain(code)
  expect(await answerTo(path, head("GET", "/leases"))).toContain('{"leases":[]}')
})
