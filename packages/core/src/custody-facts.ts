import { z } from "zod"
import { auditCode } from "./audit.ts"
import { facts, none } from "./fact.ts"
import { count, hex32, label } from "./fact-field.ts"

/** What became of configs, keys, payloads and the ledger itself. */
export const custodyFacts = {
  config_change: facts(
    { path: label, sha256: hex32, version: count, role: z.enum(["auditor", "root"]) },
    none,
  ),
  key_change: facts(
    {
      kid: hex32,
      role: z.enum(["root", "auditor", "monitor", "ledger", "release"]),
      /** Revoked means stolen: what it signed from then on does not count. */
      action: z.enum(["enrolled", "superseded", "revoked"]),
      from_ms: count,
    },
    none,
  ),
  vault_generation: facts({ generation: count, vault_sha256: hex32 }, none),
  /**
   * Recorded before stored payloads are deleted. The retention policy is its payload, byte for byte; what
   * that does not allow is no prune but a loss (spec/event.md, "Payloads that are gone").
   */
  payload_prune: facts(
    {
      policy_sha256: hex32,
      policy_version: count,
      /** The events of this lane whose payloads go, by their numbers, ascending. */
      events: z.array(count).min(1).max(1024),
      payloads: count,
      bytes: count,
    },
    none,
  ),
  /** Something that the monitor can't vouch for: recovery after a crash closes what was open with it. */
  gap: facts(
    {
      reason: z.enum(["crash", "clock-step"]),
      open_calls: count,
      open_sessions: count,
      last_ts: count,
    },
    none,
  ),
  audit: facts(
    { code: auditCode, subject: z.string().max(256), detail: z.string().max(512) },
    none,
  ),
} as const
