import type { AuditCode, Channel, MeasuredFacts, Recorded } from "@amc/core"
import type { SealTerms } from "@amc/ledger"
import type { Capture } from "./capture.ts"
import type { SessionGateway } from "./session-gateway.ts"
import type { SessionTripwires } from "./session-tripwires.ts"
import type { SessionTerms } from "./session-terms.ts"

type SessionFact =
  | "agent_process_started"
  | "agent_process_exited"
  | "sandbox_plan"
  | "sandbox_probe"
  | "sandbox_watch"
  | "outcome"

/** What the drivers work with: one session that is open in the ledger. */
export interface OpenedSession {
  readonly capture: Capture
  readonly terms: SessionTerms
  readonly session: string
  readonly gateway: SessionGateway
  /** Laid for a session in a box. */
  readonly tripwires: SessionTripwires | null
  /** The agent's work folder on this machine. */
  readonly work: string
  /** Records an audit about this session. */
  audit(code: AuditCode, detail: string): Promise<void>
  /** Records something of this session. */
  record<T extends SessionFact>(
    type: T,
    channel: Channel,
    measured: MeasuredFacts<T>,
  ): Promise<Recorded>
}

/** How the agent's own part ended. */
export interface AgentEnd extends SealTerms {
  readonly exitCode: number
  readonly reasons: readonly string[]
  readonly lastWords: string
}
