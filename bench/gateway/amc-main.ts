import { openAmcStand } from "./amc-stand.ts"
import { serve, usage } from "./pinned-process.ts"

/** The gateway with everything on, for a bench of its speed. */
const { upstreamPort } = JSON.parse(process.argv[2] ?? "") as { upstreamPort: number }
const stand = await openAmcStand({ upstreamPort })

async function close(): Promise<void> {
  await stand.close()
  stand.remove()
}

serve({ port: stand.port, token: stand.token }, async () => usage(await stand.events()), close)
