import { parseEvent, type Verdict } from "@amc/core"
import { attempt } from "./attempt.ts"
import { FindingList } from "./finding-list.ts"
import type { LedgerSource } from "./ledger-source.ts"
import { PayloadCheck, type PayloadSummary, type PayloadTerms } from "./payload-check.ts"

/**
 * Verifies the stored payloads of a ledger and nothing else: each is hashed again, and each that is gone was let go
 * by a signed policy. Chain, and signatures of what is no prune, are for `verifyLedger`.
 *
 * @throws {@link AmcError} what the source throws
 */
export async function verifyPayloads(
  source: Pick<LedgerSource, "lanes" | "leaves" | "blob">,
  terms: PayloadTerms,
  progress: (events: number) => void = () => undefined,
): Promise<Verdict<PayloadSummary>> {
  const findings = new FindingList()
  const payloads = new PayloadCheck(source, terms, findings)
  for (const lane of await source.lanes()) {
    let row = 0
    for await (const stored of source.leaves(lane)) {
      const subject = `event ${row++} of lane ${lane}`
      // What is no event names no payload; the check of the chain says what is wrong with it.
      const event = attempt(() => parseEvent(stored.leaf))
      if (event !== undefined) await payloads.note(stored, event, subject)
      if (row % 4096 === 0) progress(row)
    }
  }
  return findings.verdict(payloads.finish())
}
