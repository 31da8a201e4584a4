import {
  issueKeyCertificate,
  issueRevocationList,
  issueRoot,
  openKeyring,
  parseLeaf,
  parseLeafEvent,
  parseEgressRule,
  parseRoot,
  toHex,
} from "@amc/core"
import { openLedger } from "@amc/store-sqlite"
import { generatePrivateKey, privateKeySigner } from "@amc/vault"
import { verifyChain } from "@amc/verify"
import { openAmcStand } from "./amc-stand.ts"
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
  egress: { allow: [rule], exceptions: ["127.0.0.1/32"] },
  laneKey,
  rootSha256,
})

export interface Settled {
  readonly events: number
  readonly requests: number
  /** Closing events of calls by how they ended. */
  readonly responses: Readonly<Record<string, number>>
  /** Calls without exactly one closing event, and closing events without a call. */
  readonly unmatched: number
  readonly tunnels: { readonly opened: number; readonly closed: number }
  /** `ok`, or the first finding. */
  readonly verified: string
}

async function settle(): Promise<Settled> {
  await stand.close()
  const ledger = openLedger(stand.dir, { readOnly: true })
  const leaves: Uint8Array[] = []
  const requests = new Map<string, number>()
  const responses: Record<string, number> = {}
  const tunnels = { opened: 0, closed: 0 }
  let strays = 0
  for await (const { leaf } of ledger.events.read("main", 0)) {
    leaves.push(leaf)
    const { type, facts } = parseLeafEvent(parseLeaf(leaf))
    if (type === "llm_request") requests.set(facts.measured.call_id, 0)
    if (type === "network_connect") tunnels.opened++
    if (type === "network_traffic" && facts.measured.completeness !== "open") tunnels.closed++
    if (type !== "llm_response") continue
    const { call_id, completeness } = facts.measured
    responses[completeness] = (responses[completeness] ?? 0) + 1
    const closings = requests.get(call_id)
    if (closings === undefined) strays++
    else requests.set(call_id, closings + 1)
  }
  await ledger.close()
  stand.remove()
  const verdict = verifyChain(leaves, { lane: "main", keyring })
  return {
    events: leaves.length,
    requests: requests.size,
    responses,
    unmatched: strays + [...requests.values()].filter((closings) => closings !== 1).length,
    tunnels,
    verified: verdict.accepted ? "ok" : JSON.stringify(verdict.findings[0]),
  }
}

const { port, egressPort, token } = stand
serve(
  { port, egressPort, token },
  (question: string) => (question === "settle" ? settle() : usage()),
  () => undefined,
)
