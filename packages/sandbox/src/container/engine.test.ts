import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import path from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { Engine } from "./engine.ts"

/** An engine that answers with each of these in turn, and at last with the last one. */
async function answering(...statuses: readonly number[]) {
  const folder = mkdtempSync(path.join(tmpdir(), "amc-test-"))
  const socket = path.join(folder, "engine.sock")
  let asked = 0
  const server = createServer((request, response) => {
    request.resume()
    response.statusCode = statuses[Math.min(asked++, statuses.length - 1)] ?? 200
    response.end(JSON.stringify({ message: "layer not known" }))
  })
  await new Promise<void>((done) => server.listen(socket, done))
  const engine = new Engine("podman", socket)
  onTestFinished(async () => {
    await engine.close()
    await new Promise((done) => server.close(done))
    rmSync(folder, { recursive: true })
  })
  return { engine, asked: () => asked }
}

test("an engine that can't tell just now is asked again", async () => {
  const { engine, asked } = await answering(500, 500, 200)
  expect(await engine.json({ method: "GET", path: "/images/json" })).toEqual({
    message: "layer not known",
  })
  expect(asked()).toBe(3)
})

test.each([
  { why: "goes on refusing", method: "GET", status: 500, times: 5 },
  { why: "refuses for a reason of ours", method: "GET", status: 400, times: 1 },
  { why: "refuses to do something", method: "POST", status: 500, times: 1 },
] as const)("an engine that $why is asked $times times", async ({ method, status, times }) => {
  const { engine, asked } = await answering(status)
  await expect(engine.text({ method, path: "/x" })).rejects.toMatchObject({
    code: "sandbox/start-failed",
    message: "podman refused: layer not known",
  })
  expect(asked()).toBe(times)
})
