import { AmcError, type Attestation, sha256Hex, toHex } from "@amc/core"
import { checkAgentId } from "../agent-config.ts"
import type { Capture } from "../capture.ts"
import { eventOf, withLedger } from "../ledger-reader.ts"

export interface AttestTerms {
  readonly agent: string
  /** Numbers of events in the lane, both ends included. */
  readonly fromLseq: number
  readonly toLseq: number
  readonly reason: string
}

/** What the auditor vouched for. */
export interface Attested {
  readonly attestation: Attestation
  readonly lseq: number
  readonly event_hash: string
  /** How many events of the range came in from outside. */
  readonly broughtIn: number
}

/**
 * Has the auditor vouch for what came in from outside among an agent's events of a range, and records it. When
 * it came in does not change, whatever time it speaks of.
 *
 * @throws {@link AmcError} `usage/invalid`, `vault/locked`, as {@link Recorder.record}
 */
export async function attestEvents(capture: Capture, terms: AttestTerms): Promise<Attested> {
  checkAgentId(terms.agent)
  checkReason(terms.reason)
  const { recorder, notary, workspace } = capture
  await recorder.flush()
  const { ends, broughtIn } = await rangeOf(capture, terms)
  const attestation: Attestation = {
    workspace: workspace.workspace,
    agent: terms.agent,
    ...ends,
    reason: terms.reason,
  }
  const signed = await notary.attest(attestation)
  const statement_sha256 = sha256Hex(signed)
  const { lseq, event_hash } = await recorder.record({
    type: "attestation",
    channel: "owner",
    agent: terms.agent,
    session: null,
    facts: { measured: { ...ends, statement_sha256 }, reported: {} },
    payload: {
      sha256: statement_sha256,
      size: signed.length,
      media: "application/vnd.dsse.envelope.v1+json",
      blob: signed,
    },
  })
  return { attestation, lseq, event_hash, broughtIn }
}

function checkReason(reason: string): void {
  if (reason.length > 0 && reason.length <= 500 && reason.isWellFormed()) return
  throw new AmcError("usage/invalid", "--reason takes 1 to 500 characters")
}

type Ends = Pick<
  Attestation,
  "lane" | "first_aseq" | "last_aseq" | "first_event_hash" | "last_event_hash"
>

async function rangeOf(
  { workspace }: Capture,
  { agent, fromLseq, toLseq }: AttestTerms,
): Promise<{ ends: Ends; broughtIn: number }> {
  const { lane } = workspace
  return withLedger(workspace, async ({ events }) => {
    let first: Pick<Ends, "first_aseq" | "first_event_hash"> | null = null
    let last: Pick<Ends, "last_aseq" | "last_event_hash"> | null = null
    let broughtIn = 0
    for await (const { leaf, leafHash } of events.read(lane, fromLseq, toLseq)) {
      const event = eventOf(leaf)
      if (event.agent !== agent) continue
      const hash = toHex(leafHash)
      first ??= { first_aseq: event.aseq, first_event_hash: hash }
      last = { last_aseq: event.aseq, last_event_hash: hash }
      if (event.channel === "ingest") broughtIn++
    }
    if (first === null || last === null || broughtIn === 0)
      throw new AmcError("usage/invalid", `none of these events of ${agent} came in from outside`, {
        hint: "'amc ingest' says by which number an event came in; what was observed needs no attestation",
      })
    return { ends: { lane, ...first, ...last }, broughtIn }
  })
}
