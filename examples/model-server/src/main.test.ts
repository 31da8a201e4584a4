import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { request } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { expect, onTestFinished, test } from "vitest"
import { startModelServer } from "./server.ts"

const main = join(import.meta.dirname, "main.ts")

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "model-server-"))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

function run(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] })
  onTestFinished(() => void child.kill("SIGKILL"))
  return child
}

function status(socketPath: string, apiKey: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${apiKey}` }
    const sent = request({ socketPath, path: "/v1/models", headers }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    sent.on("error", reject).end()
  })
}

test("serves a unix socket for its owner only, and removes it when it is told to end", async () => {
  const at = folder()
  const socket = join(at, "model.sock")
  writeFileSync(join(at, "key"), "key-of-a-file\n")
  const child = run("--socket", socket, "--key-file", join(at, "key"))
  const [line] = (await once(child.stdout!, "data")) as [Buffer]
  expect(line.toString()).toBe(`listening ${socket}\n`)
  expect(statSync(socket).mode & 0o777).toBe(0o600)
  expect(await status(socket, "key-of-a-file")).toBe(200)
  expect(await status(socket, "another")).toBe(401)

  child.kill("SIGTERM")
  expect(await once(child, "exit")).toEqual([0, null])
  expect(existsSync(socket)).toBe(false)
})

test("takes the place of a server that was killed, and not of one that lives", async () => {
  const at = folder()
  const socketPath = join(at, "model.sock")
  writeFileSync(join(at, "key"), "k")
  const child = run("--socket", socketPath, "--key-file", join(at, "key"))
  await once(child.stdout!, "data")
  await expect(startModelServer({ apiKey: "k", socketPath })).rejects.toThrow("listens on")
  child.kill("SIGKILL")
  await once(child, "exit")

  expect(existsSync(socketPath)).toBe(true)
  const server = await startModelServer({ apiKey: "k", socketPath })
  expect(await status(socketPath, "k")).toBe(200)
  await server.close()
})

test.each([
  { why: "no place", args: ["--key-file", main], says: "usage: " },
  { why: "no key file", args: ["--port", "0"], says: "usage: " },
  { why: "two places", args: ["--port", "0", "--socket", "x", "--key-file", main], says: "usage" },
  { why: "an empty key", args: ["--port", "0", "--key-file", "/dev/null"], says: "API key" },
  { why: "a missing key file", args: ["--port", "0", "--key-file", "/nowhere"], says: "ENOENT" },
  { why: "a file in its place", args: ["--socket", main, "--key-file", main], says: "no socket" },
])("fails with the reason when it is given $why", async ({ args, says }) => {
  const child = run(...args)
  const [said, exit] = await Promise.all([text(child.stderr!), once(child, "exit")])
  expect(exit).toEqual([1, null])
  expect(said).toMatch(new RegExp(`^failed: .*${says}`))
})
