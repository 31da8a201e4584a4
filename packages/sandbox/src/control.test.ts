import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import path from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { callChecks, engineChecks, internetChecks } from "./checks.ts"
import { type ControlledCheck, runControls } from "./control.ts"
import { probeBinary } from "./probe-binary.ts"

const canary = "0123456789abcdef".repeat(4)
let folder: string
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "amc-test-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test("every engine, every address of the internet and every call that the kernel has gets a control", async () => {
  const checks = [...engineChecks(), ...internetChecks(), ...callChecks()]
  const controls = await runControls(probeBinary(), checks, canary)
  const none = [...controls].filter(([, control]) => !["reached", "stand_in"].includes(control))
  // Calls that a kernel lacks, or that its settings leave to nobody, are found by nobody.
  expect(none.map(([id]) => id).filter((id) => !/^surface\.(?:alg|bpf|perf)$/.test(id))).toEqual([])
  for (const { id } of internetChecks()) expect([id, controls.get(id)]).toEqual([id, "stand_in"])
})

test("a stand-in is tried where it was made, and this machine sees nothing of it", async () => {
  const socket = path.join("/run", path.basename(folder), "engine.sock")
  const spec = { kind: "unix", args: [socket] } as const
  const controls = await runControls(
    probeBinary(),
    [
      { id: "engine.made", outside: spec, standIn: spec },
      { id: "engine.bare", outside: spec, standIn: null },
    ],
    canary,
  )
  expect(Object.fromEntries(controls)).toEqual({
    "engine.made": "stand_in",
    "engine.bare": "denied",
  })
})

test("what is really there is the control, and not the stand-in", async () => {
  const socket = path.join(folder, "real.sock")
  const server = createServer((connection) => connection.destroy())
  await new Promise<void>((done) => server.listen(socket, done))
  const spec = { kind: "unix", args: [socket] } as const
  const check: ControlledCheck = { id: "engine.real", outside: spec, standIn: spec }
  expect([...(await runControls(probeBinary(), [check], canary))]).toEqual([
    ["engine.real", "reached"],
  ])
  await new Promise((done) => server.close(done))
})

test("where no namespaces can be made nobody stands in, and that is no control", async () => {
  const file = path.join(folder, "no-namespaces")
  writeFileSync(file, `#!/bin/sh\n[ "$1" = alone ] && exit 125\nexec ${probeBinary().file}\n`)
  chmodSync(file, 0o755)
  const spec = { kind: "unix", args: [path.join(folder, "nothing")] } as const
  const check: ControlledCheck = { id: "engine.made", outside: spec, standIn: spec }
  const controls = await runControls({ ...probeBinary(), file }, [check], canary)
  expect([...controls]).toEqual([["engine.made", "denied"]])
})
