import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { MessageChannel, Worker } from "node:worker_threads"
import { createGateway, defaultLimits, leaseFacts, LeaseBook, SecretScanner } from "@amc/gateway"
import { RecorderClient } from "@amc/ledger"
import { sampleSession } from "@amc/testkit"
import { generatePrivateKey, privateKeySigner } from "@amc/vault"
import { serve, usage } from "./pinned-process.ts"

/**
 * The gateway with everything on, as a session has it: lease, key, secrets, facts, receipts, and the
 * real recorder on a thread of its own, which signs each event and waits for the disk.
 */
const { upstreamPort } = JSON.parse(process.argv[2] ?? "") as { upstreamPort: number }
const dir = mkdtempSync(join(process.env["BENCH_DIR"] ?? tmpdir(), "amc-bench-"))
const [agent, session] = ["coder", "s-1"]
const clock = (): number => Date.now()
const key = Buffer.from(`sk-${randomBytes(24).toString("hex")}`)

const laneKey = generatePrivateKey()
const { port1, port2 } = new MessageChannel()
const worker = new Worker(new URL("./recorder-worker.ts", import.meta.url), {
  workerData: { dir, port: port2, key: laneKey },
  transferList: [port2],
})
const recorder = await RecorderClient.open(port1)
const leases = new LeaseBook(randomBytes, clock)
const { token, lease } = leases.issue({
  agent,
  session,
  providers: ["openai"],
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
await recorder.record({
  type: "lease",
  channel: "session",
  agent,
  session,
  facts: leaseFacts(lease, "issued"),
})
const origin = `http://127.0.0.1:${upstreamPort}`
const gateway = createGateway({
  recorder,
  leases,
  providers: new Map([["openai", { id: "openai", origin, basePath: "", key, loopback: true }]]),
  clock,
  random: randomBytes,
  // One lease stands for many sessions here.
  limits: { ...defaultLimits, leaseBytes: Number.MAX_SAFE_INTEGER },
  spoolDir: dir,
  secrets: new SecretScanner([Buffer.from(token), key]),
  monitorKid: privateKeySigner(laneKey).key.kid,
})
const port = await gateway.listen({ port: 0, host: "127.0.0.1" }, "loopback", session)

async function close(): Promise<void> {
  await gateway.close()
  await recorder.close()
  await new Promise((resolve) => worker.once("exit", resolve))
  rmSync(dir, { recursive: true })
}

serve({ port, token }, async () => usage((await recorder.checkpoint()).size), close)
