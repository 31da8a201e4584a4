import { createHash } from "node:crypto"
import { createServer as createHttp } from "node:http"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { expect, onTestFinished, test } from "vitest"
import { type Lab, type LabTerms, openLab } from "./lab.fixture.ts"

const MiB = 1024 * 1024

async function lab(terms: LabTerms): Promise<Lab> {
  const opened = await openLab(terms)
  onTestFinished(() => opened.close())
  return opened
}

/** A provider of a test's own that keeps nothing of what it gets. */
async function originOf(server: ReturnType<typeof createServer>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => void server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

test("a provider that takes the connection and no handshake is given up by the connect clock (bifrost #7034)", async () => {
  const host = await originOf(createServer((socket) => socket.on("error", () => undefined)))
  const opened = await lab({ upstream: { origin: `https://${host}` }, limits: { connectMs: 60 } })
  const answer = await fetch(`${opened.base}/x`, { headers: { "x-api-key": opened.token } })
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
    504,
    "gateway/upstream-timeout",
  ])
  expect(opened.recorder.of("llm_response")[0]!.facts.measured.completeness).toBe("timeout")
})

test("while an error's body of 114 MB passes, other calls are answered, and little of it is held (LiteLLM #36429, #34031)", async () => {
  const size = 114_000_000
  const piece = Buffer.alloc(64 * 1024, "x")
  let pushed = 0
  const opened = await lab({
    handler: ({ url }, response) => {
      if (!url?.endsWith("/error")) return void response.end("{}")
      response.writeHead(500, { "content-type": "application/json", "content-length": size })
      const push = (): void => {
        while (pushed < size) {
          const next = piece.subarray(0, Math.min(size - pushed, piece.length))
          pushed += next.length
          if (!response.write(next)) return void response.once("drain", push)
        }
        response.end()
      }
      push()
    },
  })
  const headers = { "x-api-key": opened.token }
  const state = { isOver: false, bytes: 0, answered: 0, mostHeld: 0 }
  const failed = await fetch(`${opened.base}/error`, { headers })
  const reading = (async () => {
    for await (const bytes of failed.body!) {
      state.bytes += bytes.length
      state.mostHeld = Math.max(state.mostHeld, pushed - state.bytes)
    }
    state.isOver = true
  })()
  while (!state.isOver) {
    expect((await fetch(`${opened.base}/small`, { headers })).status).toBe(200)
    if (!state.isOver) state.answered++
  }
  await reading
  expect([failed.status, state.bytes]).toEqual([500, size])
  expect(state.answered).toBeGreaterThan(3)
  // Between provider and client, with what the kernel holds.
  expect(state.mostHeld).toBeLessThan(32 * MiB)
})

test("a body of 64 MiB is not pushed at a provider that does not read yet, and then arrives whole (agentgateway #2350, envoy #827)", async () => {
  const got = { hash: createHash("sha256"), bytes: 0, socket: null as Socket | null }
  const idle = (): void => undefined
  let read = idle
  const host = await originOf(
    createHttp((request, response) => {
      got.socket = request.socket
      read = () => {
        request.on("data", (piece: Buffer) => {
          got.hash.update(piece)
          got.bytes += piece.length
        })
        request.on("end", () => response.end("{}"))
      }
    }),
  )
  const opened = await lab({ upstream: { origin: `http://${host}` } })
  const piece = Buffer.alloc(MiB, "y")
  const expected = createHash("sha256")
  const pieces = async function* () {
    for (let sent = 0; sent < 64; sent++) {
      expected.update(piece)
      yield piece
    }
  }
  const asked = fetch(`${opened.base}/x`, {
    method: "POST",
    headers: { "x-api-key": opened.token },
    body: pieces() as never,
    duplex: "half",
  } as RequestInit)
  await expect.poll(() => opened.recorder.of("llm_request").length, { timeout: 30_000 }).toBe(1)
  expect(opened.recorder.of("llm_request")[0]!.facts.measured.body_bytes).toBe(64 * MiB)
  await expect.poll(() => read, { timeout: 30_000 }).not.toBe(idle)
  expect(got.socket!.bytesRead).toBeLessThan(32 * MiB)
  read()
  expect((await asked).status).toBe(200)
  expect([got.bytes, got.hash.digest("hex")]).toEqual([64 * MiB, expected.digest("hex")])
})
