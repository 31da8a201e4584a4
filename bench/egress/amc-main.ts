import { parseEgressRule } from "@amc/core"
import { openAmcStand } from "../gateway/amc-stand.ts"
import { countLedger } from "../gateway/ledger-count.ts"
import { serve, usage } from "../gateway/pinned-process.ts"

/**
 * The egress proxy with everything on, as a session has it: lease, allowlist, lookup, judged addresses,
 * ClientHello, and the real recorder on a thread of its own. Asked to settle, it counts what its ledger has.
 */
const { hostPort } = JSON.parse(process.argv[2] ?? "") as { hostPort: number }
const allow = ["*.example.com", `localhost:${hostPort}`].map(parseEgressRule)
const stand = await openAmcStand({
  upstreamPort: hostPort,
  egress: {
    allow: allow.filter((rule) => rule !== null),
    exceptions: ["127.0.0.1/32", "::1/128"],
    providers: [],
  },
})

export interface TunnelCount {
  readonly opened: number
  readonly closed: number
}

let settled: Promise<TunnelCount> | null = null

async function settle(): Promise<TunnelCount> {
  await stand.close()
  const { tunnels } = await countLedger(stand.dir)
  stand.remove()
  return tunnels
}

const { egressPort: port, token } = stand
serve(
  { port, token },
  async (question: string) =>
    question === "settle" ? (settled ??= settle()) : usage(await stand.events()),
  async () => void (await (settled ??= settle())),
)
