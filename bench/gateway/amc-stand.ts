import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { MessageChannel, Worker } from "node:worker_threads"
import {
  createEgress,
  createGateway,
  defaultEgressLimits,
  defaultLimits,
  type Egress,
  type EgressPolicy,
  leaseFacts,
  LeaseBook,
  nothingAllowed,
  type EgressTerms,
  SecretScanner,
} from "@amc/gateway"
import { RecorderClient } from "@amc/ledger"
import { sampleSession } from "@amc/testkit"
import { generatePrivateKey, privateKeySigner } from "@amc/vault"

export interface StandTerms {
  readonly upstreamPort: number
  readonly egress?: EgressPolicy
  /** The machine's own way to find addresses if left out. */
  readonly resolve?: NonNullable<EgressTerms["resolve"]>
  /** Of the root that the lane's chain begins at. */
  readonly rootSha256?: string
  readonly laneKey?: Uint8Array
}

/**
 * The gateway with everything on, as a session has it: lease, key, secrets, facts, receipts, and the
 * real recorder on a thread of its own, which signs each event and waits for the disk.
 */
export interface AmcStand {
  readonly dir: string
  readonly port: number
  readonly egressPort: number
  readonly token: string
  events(): Promise<number>
  /** Ends what is open, and resolves when all is recorded; `remove` then throws it away. */
  close(): Promise<void>
  remove(): void
}

const [agent, session] = ["coder", "s-1"]
const unbounded = Number.MAX_SAFE_INTEGER

export async function openAmcStand(terms: StandTerms): Promise<AmcStand> {
  const { upstreamPort, laneKey = generatePrivateKey() } = terms
  const dir = mkdtempSync(join(process.env["BENCH_DIR"] ?? tmpdir(), "amc-bench-"))
  const clock = (): number => Date.now()
  const key = Buffer.from(`sk-${randomBytes(24).toString("hex")}`)
  const monitorKid = privateKeySigner(laneKey).key.kid
  const { port1, port2 } = new MessageChannel()
  const worker = new Worker(new URL("./recorder-worker.ts", import.meta.url), {
    workerData: { dir, port: port2, key: laneKey, rootSha256: terms.rootSha256 },
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
  const secrets = new SecretScanner([Buffer.from(token), key])
  const gateway = createGateway({
    recorder,
    leases,
    providers: new Map([["openai", { id: "openai", origin, basePath: "", key, loopback: true }]]),
    clock,
    random: randomBytes,
    // One lease stands for many sessions here.
    limits: { ...defaultLimits, leaseBytes: unbounded },
    spoolDir: dir,
    secrets,
    monitorKid,
  })
  const port = (await gateway.listen({ port: 0, host: "127.0.0.1" }, "loopback", session)) ?? 0
  const egress: Egress = createEgress({
    recorder,
    leases,
    policy: terms.egress ?? nothingAllowed,
    clock,
    random: randomBytes,
    limits: { ...defaultEgressLimits, connectionsPerLease: unbounded, bytesPerLease: unbounded },
    secrets,
    ...(terms.resolve === undefined ? {} : { resolve: terms.resolve }),
  })
  const egressPort =
    (await egress.listen({ port: 0, host: "127.0.0.1" }, { ingress: "loopback", session })) ?? 0
  return {
    dir,
    port,
    egressPort,
    token,
    events: async () => (await recorder.checkpoint()).size,
    close: async () => {
      await Promise.all([gateway.close(), egress.close()])
      await recorder.close()
      await new Promise((resolve) => worker.once("exit", resolve))
    },
    remove: () => rmSync(dir, { recursive: true }),
  }
}
