import {
  issueKeyCertificate,
  issueRevocationList,
  issueRoot,
  openKeyring,
  parseEgressRule,
  parseRoot,
  toHex,
} from "@amc/core"
import { generatePrivateKey, privateKeySigner } from "@amc/vault"
import { ChainCheck, FindingList } from "@amc/verify"
import { openAmcStand } from "./amc-stand.ts"
import { countLedger, type LedgerCount } from "./ledger-count.ts"
import { serve, usage } from "./pinned-process.ts"

/** The gateway and the egress proxy under a soak. Asked to settle, it ends and judges its own ledger. */
const { upstreamPort, hostPort } = JSON.parse(process.argv[2] ?? "") as {
  upstreamPort: number
  hostPort: number
}
const now = Date.now()
const year = 365 * 86_400_000
const [laneKey, rootKey] = [generatePrivateKey(), generatePrivateKey()]
const root = privateKeySigner(rootKey)
const monitor = privateKeySigner(laneKey)
const first = { workspace: "bench", version: 1, createdMs: now, expiresMs: now + year }
const rootBytes = issueRoot({ ...first, threshold: 1 }, [root])
const rootSha256 = toHex(parseRoot(rootBytes).sha256)
const certificate = issueKeyCertificate(
  monitor.key,
  {
    workspace: "bench",
    role: "monitor",
    lanes: ["main"],
    valid_from_index: 0,
    valid_to_index: null,
    valid_from_ms: now,
    valid_to_ms: null,
  },
  [root],
)
const revocations = issueRevocationList({ ...first, revoked: [] }, [root])
const keyring = openKeyring(
  { roots: [rootBytes], revocations, certificates: [certificate] },
  rootSha256,
)
const rule = parseEgressRule(`host.test:${hostPort}`)
if (rule === null) throw new Error("no rule")
const stand = await openAmcStand({
  upstreamPort,
  egress: { allow: [rule], exceptions: ["127.0.0.1/32"], providers: [] },
  laneKey,
  rootSha256,
  resolve: async () => ["127.0.0.1"],
})

export interface Settled extends LedgerCount {
  /** `ok`, or the first finding. */
  readonly verified: string
}

async function settle(): Promise<Settled> {
  await stand.close()
  const findings = new FindingList()
  const chain = new ChainCheck({ lane: "main", keyring }, findings)
  const counts = await countLedger(stand.dir, (signed) => chain.add(signed)?.event)
  stand.remove()
  const [first] = findings.all()
  return { ...counts, verified: first === undefined ? "ok" : JSON.stringify(first) }
}

const { port, egressPort, token } = stand
serve(
  { port, egressPort, token },
  (question: string) => (question === "settle" ? settle() : usage()),
  () => undefined,
)
