import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { MessageChannel, Worker } from "node:worker_threads"
import { parseEgressRule } from "@amc/core"
import { createEgress, defaultEgressLimits, LeaseBook, SecretScanner } from "@amc/gateway"
import { RecorderClient } from "@amc/ledger"
import { sampleSession } from "@amc/testkit"
import { generatePrivateKey } from "@amc/vault"
import { serve, usage } from "../gateway/pinned-process.ts"

/**
 * The egress proxy with everything on, as a session has it: lease, allowlist, lookup, judged addresses,
 * ClientHello, and the real recorder on a thread of its own, which signs two events for each tunnel.
 */
const { hostPort } = JSON.parse(process.argv[2] ?? "") as { hostPort: number }
const dir = mkdtempSync(join(process.env["BENCH_DIR"] ?? tmpdir(), "amc-bench-"))
const [agent, session] = ["coder", "s-1"]
const clock = (): number => Date.now()

const { port1, port2 } = new MessageChannel()
const worker = new Worker(new URL("../gateway/recorder-worker.ts", import.meta.url), {
  workerData: { dir, port: port2, key: generatePrivateKey() },
  transferList: [port2],
})
const recorder = await RecorderClient.open(port1)
const leases = new LeaseBook(randomBytes, clock)
const { token } = leases.issue({
  agent,
  session,
  providers: [],
  ingress: "loopback",
  ttlMs: 3_600_000,
})
await recorder.record({
  type: "session_open",
  channel: "session",
  agent,
  session,
  facts: { measured: sampleSession, reported: {} },
})
const allow = ["*.example.com", `localhost:${hostPort}`].map(parseEgressRule)
const egress = createEgress({
  recorder,
  leases,
  policy: { allow: allow.filter((rule) => rule !== null), exceptions: ["127.0.0.1/32", "::1/128"] },
  clock,
  random: randomBytes,
  // One lease stands for many sessions here.
  limits: { ...defaultEgressLimits, connectionsPerLease: Number.MAX_SAFE_INTEGER },
  secrets: new SecretScanner([Buffer.from(token)]),
})
const port = await egress.listen({ port: 0, host: "127.0.0.1" }, { ingress: "loopback", session })

async function close(): Promise<void> {
  await egress.close()
  await recorder.close()
  await new Promise((resolve) => worker.once("exit", resolve))
  rmSync(dir, { recursive: true })
}

serve({ port, token }, async () => usage((await recorder.checkpoint()).size), close)
