import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import path from "node:path"
import { type IsolationVerdict, judgeIsolation } from "@amc/core"
import type { PreparedBox } from "../driver.ts"
import { inBox, type SandboxSpec } from "../spec.ts"
import { prepareWork } from "../work.ts"

const limits = {
  memoryBytes: 128 << 20,
  pids: 16,
  timeoutMs: 10_000,
  fileBytes: 1 << 20,
  workBytes: 1 << 20,
}

/**
 * Builds a box, measures it as an agent's would be, and lets nobody in. Vault, ledger and gateway are things of
 * its own, made for this.
 *
 * @throws {@link AmcError} as the driver does
 */
export async function trial(
  prepare: (spec: SandboxSpec) => Promise<PreparedBox>,
): Promise<IsolationVerdict> {
  const folder = mkdtempSync(path.join(tmpdir(), "amc-trial-"))
  const [gatewaySocket, work] = [path.join(folder, "gateway.sock"), path.join(folder, "work")]
  const [vault, ledger] = [path.join(folder, "vault"), path.join(folder, "ledger")]
  const gateway = createServer((_, response) => response.end())
  try {
    for (const file of [vault, ledger]) writeFileSync(file, "", { mode: 0o600 })
    mkdirSync(path.join(folder, "empty"))
    prepareWork(path.join(folder, "empty"), work)
    // The engine's own user need not be root.
    chmodSync(folder, 0o711)
    await new Promise<void>((done) => gateway.listen(gatewaySocket, done))
    const targets = { files: { vault, ledger }, sockets: {}, ports: {}, canaryFolder: folder }
    const spec = { ...closedSpec, work, gatewaySocket }
    const box = await (await prepare(spec)).launch()
    try {
      return judgeIsolation(await box.runProbe(targets))
    } finally {
      await box.refuse()
    }
  } finally {
    gateway.closeAllConnections()
    gateway.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

const closedSpec: Omit<SandboxSpec, "work" | "gatewaySocket"> = {
  readOnly: [],
  hidden: [],
  egressSocket: null,
  env: { PATH: "/usr/bin:/bin", HOME: inBox.home },
  command: ["true"],
  limits,
}
