import type { Readable } from "node:stream"
import type { AgentConfig, ProviderConfig } from "@amc/core"
import { type BoxNetwork, driverNames } from "@amc/sandbox"
import type { Connections } from "./connection-tally.ts"
import type { Exchanges } from "./exchange-tally.ts"

/** What the agent is boxed in by; `none` is no box at all. */
export const drivers = [...driverNames, "none"] as const
export type Driver = (typeof drivers)[number]

/** What one session of an agent is to be. */
export interface SessionTerms {
  readonly agent: string
  readonly limits: AgentConfig["limits"]
  readonly driver: Driver
  /** An image of the owner's for a box of an engine's; null for this machine's own programs. */
  readonly image: string | null
  readonly network: BoxNetwork
  /** Those that the agent may call, at least one. */
  readonly providers: readonly ProviderConfig[]
  readonly command: readonly string[]
  /** The folder in which the command's relative paths mean something. */
  readonly cwd: string
  /** Copied to `/workspace` for this session. Without a box the agent works in `cwd`. */
  readonly work: string
  /** A shell command of the owner's that says by exit 0 whether the work is done. */
  readonly check: string | null
  /** Counts from 1; the agent and the check get it as `AMC_SESSION`. */
  readonly number: number
  /** The monitor's own environment; what an agent may have of it is listed by name. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly stdin: Readable | null
  readonly echo: {
    readonly stdout?: (bytes: Uint8Array) => void
    readonly stderr?: (bytes: Uint8Array) => void
  }
  readonly signal: AbortSignal
}

/** How the owner's check ended, and the last of what it said, in which the agent may have a hand. */
export interface CheckResult {
  readonly verdict: "passed" | "failed" | "not-checked"
  readonly said: string
}

/** How a session ended, as far as the caller's own work goes; the ledger has the rest. */
export interface SessionResult {
  readonly session: string
  /** The agent's own exit code, 128 + signal, or 125 if it could not be started. */
  readonly exitCode: number
  readonly posture: "measured" | "declared" | "shared"
  readonly hardened: boolean
  /** Why the posture is what it is; empty if measured and hardened. */
  readonly reasons: readonly string[]
  readonly check: CheckResult
  readonly exchanges: Exchanges
  readonly connections: Connections
  /** The end of the agent's stderr, which is the agent's own text. */
  readonly lastWords: string
  /** What the owner should know and what counts for nothing: of the check, and of the clearing up. */
  readonly warnings: readonly string[]
}
