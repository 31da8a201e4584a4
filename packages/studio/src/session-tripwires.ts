import { realpathSync } from "node:fs"
import { dirname } from "node:path"
import { agentUser, layTripwires } from "@amc/sandbox"
import type { Capture } from "./capture.ts"
import type { SessionTerms } from "./session-terms.ts"
import type { Canary } from "./tripped-scanner.ts"

/** What no agent of a box can touch, unless its walls have failed. */
export interface SessionTripwires {
  readonly canary: Canary
  /** What was touched so far, each once. */
  readonly touched: readonly string[]
  /** Connections to one by whom it could not be told. */
  readonly unclear: number
  /** Takes them away once everything about them is on record. */
  close(): Promise<void>
}

/**
 * Lays the tripwires of a session in a box. What is touched is recorded at once, on the session's account and
 * on the workspace's: whoever got so far could have had the keys.
 */
export async function laySessionTripwires(
  capture: Capture,
  { agent }: SessionTerms,
  session: string,
): Promise<SessionTripwires> {
  const touched: string[] = []
  const recorded: Promise<void>[] = []
  const touch = (what: string): void => {
    if (touched.includes(what)) return
    touched.push(what)
    const detail = `the agent in the box touched ${what}`
    const code = "TRUST_BOUNDARY_VIOLATED"
    const both = [
      capture.audit(code, session, detail, { agent, session }),
      capture.audit(code, session, `agent ${agent}: ${detail}`),
    ]
    for (const one of both) {
      one.catch(() => undefined)
      recorded.push(one)
    }
  }
  const wires = await layTripwires(
    {
      besideVault: realpathSync(capture.workspace.dir),
      besideNotary: dirname(capture.notarySocket),
      agentUid: agentUser().uid,
    },
    touch,
  )
  return {
    canary: {
      text: wires.canary,
      onSeen: () => touch("a file beside the vault, whose text it passed on"),
    },
    touched,
    get unclear() {
      return wires.unclear
    },
    close: async () => {
      await wires.close()
      await Promise.all(recorded)
    },
  }
}
