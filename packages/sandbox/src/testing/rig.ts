import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import { tmpdir } from "node:os"
import path from "node:path"
import { text } from "node:stream/consumers"
import { type IsolationVerdict, judgeIsolation, type ProbeRecord } from "@amc/core"
import type { AgentExit, AgentProcess } from "../agent-process.ts"
import type { SandboxHandle } from "../box.ts"
import { bubblewrapDriver } from "../bubblewrap-driver.ts"
import type { ProbeTargets } from "../checks.ts"
import type { SandboxDriver } from "../driver.ts"
import type { SandboxLimits, SandboxSpec } from "../spec.ts"
import { prepareWork } from "../work.ts"

/** A workspace with secrets, a program folder, a work folder and a gateway, all in one temporary folder. */
export interface Rig {
  readonly folder: string
  readonly program: string
  readonly targets: ProbeTargets
  spec(command: readonly string[], changes?: Partial<SandboxSpec>): SandboxSpec
  close(): Promise<void>
}

export const rigLimits: SandboxLimits = {
  memoryBytes: 512 * 1024 * 1024,
  pids: 128,
  timeoutMs: 30_000,
  fileBytes: 1024 * 1024 * 1024,
  workBytes: 1024 * 1024 * 1024,
}

export const vaultText = "the vault's own bytes"

export async function makeRig(): Promise<Rig> {
  const folder = mkdtempSync(path.join(tmpdir(), "amc-test-"))
  const program = path.join(folder, "program")
  const state = path.join(program, ".amc")
  mkdirSync(state, { recursive: true })
  chmodSync(program, 0o755)
  for (const name of ["vault", "ledger.db"])
    writeFileSync(path.join(state, name), vaultText, { mode: 0o600 })
  writeFileSync(path.join(program, "readme"), "program text", { mode: 0o644 })
  mkdirSync(path.join(folder, "work"))
  writeFileSync(path.join(folder, "work", "task"), "task text", { mode: 0o644 })
  const gatewaySocket = path.join(folder, "gateway.sock")
  const server = createServer((request, response) => response.end(`gateway ${request.url}`))
  await new Promise<void>((done) => server.listen(gatewaySocket, done))
  let copies = 0
  return {
    folder,
    program,
    targets: {
      files: { vault: path.join(state, "vault"), ledger: path.join(state, "ledger.db") },
      sockets: { admin: gatewaySocket },
      ports: {},
      canaryFolder: state,
    },
    spec: (command, changes = {}) => {
      const work = path.join(folder, `copy-${++copies}`)
      prepareWork(path.join(folder, "work"), work)
      const env = { PATH: "/usr/bin:/bin", HOME: "/home/agent" }
      return {
        readOnly: [program],
        hidden: [],
        work,
        gatewaySocket,
        egressSocket: null,
        env,
        command,
        limits: rigLimits,
        ...changes,
      }
    },
    close: () => closeRig(server, folder),
  }
}

async function closeRig(server: Server, folder: string): Promise<void> {
  server.closeAllConnections()
  await new Promise((done) => server.close(done))
  rmSync(folder, { recursive: true, force: true })
}

export async function open(
  spec: SandboxSpec,
  driver: SandboxDriver = bubblewrapDriver,
): Promise<SandboxHandle> {
  return (await driver.prepare(spec)).launch()
}

export interface Ran extends AgentExit {
  readonly record: ProbeRecord
  readonly verdict: IsolationVerdict
  readonly out: string
  readonly err: string
}

/** One whole run: box, probe, agent, end. */
export async function runInBox(
  rig: Rig,
  spec: SandboxSpec,
  input = "",
  driver: SandboxDriver = bubblewrapDriver,
): Promise<Ran> {
  const box = await open(spec, driver)
  const record = await box.runProbe(rig.targets)
  await box.go()
  return { ...(await collect(box, input)), record, verdict: judgeIsolation(record) }
}

export async function collect(
  agent: AgentProcess,
  input = "",
): Promise<AgentExit & { readonly out: string; readonly err: string }> {
  agent.stdin.end(input)
  const [out, err, exit] = await Promise.all([text(agent.stdout), text(agent.stderr), agent.exited])
  return { ...exit, out, err }
}
