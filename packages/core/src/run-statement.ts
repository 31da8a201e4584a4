import { z } from "zod"
import { encodeEnvelope, parseEnvelope, signEnvelope, verifyEnvelope } from "./dsse.ts"
import type { PublicKey, Signer } from "./public-key.ts"
import { malformed } from "./errors.ts"
import { agentId, count, hex32, label } from "./fact-field.ts"
import { encodeStatement, parseStatement, STATEMENT_PAYLOAD_TYPE } from "./statement.ts"

export const runPredicateType = "urn:amc:run:v1"
export const reportName = "report.json"

const schema = z.strictObject({
  run_id: label,
  workspace: label,
  agent: agentId,
  engine: label,
  bank_sha256: hex32,
  window: z.strictObject({ from_ms: count, to_ms: count }),
  checkpoint: z.strictObject({ origin: label, size: count, root_sha256: hex32 }),
  /** The agent's and the system chain's last event in each lane, as `run_opened` names them. */
  heads: z
    .array(
      z.strictObject({ lane: agentId, agent: z.string().max(64), aseq: count, event_hash: hex32 }),
    )
    .max(256),
})

/** What the auditor seals: a report, by digest, and the inputs that it is a function of. */
export interface RunSeal {
  readonly reportSha256: string
  readonly run: z.infer<typeof schema>
}

/** The statement about a run, for a notary to sign. */
export function encodeRunSeal({ reportSha256, run }: RunSeal): Uint8Array {
  const subject = [{ name: reportName, sha256hex: reportSha256 }]
  return encodeStatement({ subject, predicateType: runPredicateType, predicate: schema.parse(run) })
}

/** Seals a run; returns the envelope's bytes. */
export function sealRun(seal: RunSeal, auditor: Signer): Uint8Array {
  return encodeEnvelope(signEnvelope(STATEMENT_PAYLOAD_TYPE, encodeRunSeal(seal), [auditor]))
}

/**
 * Reads a run's seal if one of these auditor keys signed it.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function openRunSeal(bytes: Uint8Array, auditors: ReadonlyMap<string, PublicKey>): RunSeal {
  const envelope = parseEnvelope(bytes)
  if (verifyEnvelope(envelope, STATEMENT_PAYLOAD_TYPE, auditors).size === 0)
    throw malformed("the run is not sealed by an auditor's key")
  return parseRunSeal(envelope.payload)
}

/** Reads the statement about a run, unsigned. */
export function parseRunSeal(payload: Uint8Array): RunSeal {
  const { subject, predicateType, predicate } = parseStatement(payload)
  const parsed = schema.safeParse(predicate)
  const [report] = subject
  if (predicateType !== runPredicateType || !parsed.success)
    throw malformed("run statement breaks its schema")
  if (report === undefined || subject.length !== 1 || report.name !== reportName)
    throw malformed("run statement names no report")
  return { reportSha256: report.sha256hex, run: parsed.data }
}
