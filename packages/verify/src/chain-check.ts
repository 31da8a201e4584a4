import {
  type EquationCheck,
  type Event,
  type Finding,
  hashLeaf,
  type Keyring,
  parseEvent,
  type PublicKey,
  type SignedLeaf,
  toHex,
  type Verdict,
  verdictOf,
} from "@amc/core"
import { type ChainHead, ChainLinks } from "./chain-links.ts"
import { CommitCheck, kidNamedIn } from "./commit-check.ts"
import { FindingList } from "./finding-list.ts"
import { describeFlaw } from "./key-check.ts"
import { type CheckedEvent, SessionCheck } from "./session-check.ts"

/** Which chain to check, and by whose keys. */
export interface ChainTerms {
  readonly lane: string
  /** Set for one agent's slice (or `_system`'s); absent for the whole lane. */
  readonly agent?: string
  /** Of a root that the caller has pinned. */
  readonly keyring: Keyring
  /** Stolen keys that the evidence tells of itself ({@link ToldThefts}): nothing rests on what they signed. */
  readonly toldThefts?: ReadonlySet<string>
  /** Who decides the equation of a signature; absent for the platform. */
  readonly equation?: EquationCheck | undefined
}

/** What a chain was found to hold. */
export interface ChainSummary {
  readonly events: number
  /** Each agent's last event. */
  readonly heads: ReadonlyMap<string, ChainHead>
  readonly sessions: { readonly open: number; readonly sealed: number }
}

/**
 * Checks the leaves of a lane, or of one agent's slice, one by one from genesis: spelling, signature by
 * a monitor key that may sign there, links, time, ids, sessions (spec/event.md). Total over any bytes.
 *
 * Says nothing about events after the last one it was given: compare the heads with something signed.
 */
export class ChainCheck {
  readonly #terms: ChainTerms
  readonly #findings: FindingList
  readonly #monitors: ReadonlyMap<string, PublicKey>
  readonly #links: ChainLinks
  readonly #commits: CommitCheck
  readonly #sessions = new SessionCheck()
  #lastId = ""
  #count = 0

  constructor(terms: ChainTerms, findings: FindingList) {
    this.#terms = terms
    this.#findings = findings
    this.#monitors = terms.keyring.keys("monitor")
    this.#commits = new CommitCheck(terms.equation)
    this.#links = new ChainLinks({ ...terms, rootSha256: toHex(terms.keyring.roots.pinned.sha256) })
  }

  /** Checks the next leaf; gives its event if it could be read, whatever was found against it. */
  add({ leaf, signature }: SignedLeaf): CheckedEvent | undefined {
    const subject = this.#subject(this.#count++)
    const leafHash = hashLeaf(leaf)
    const hash = toHex(leafHash)
    const terms = { code: "ledger/leaf-malformed", subject, tampered: true } as const
    const event = this.#findings.attempt(terms, () => parseEvent(leaf))
    // What can't be read may be of a later version, and who changed it does not get away with that.
    const kid = event?.kid ?? kidNamedIn(leaf)
    const flaw = kid === undefined ? unsigned : this.#signatureFlaw(kid, leafHash, signature)
    if (flaw !== undefined) this.#findings.add({ ...flaw, subject })
    if (event === undefined) {
      this.#links.skip(hash)
      return undefined
    }
    const checked = { event, hash }
    for (const finding of this.#eventFindings(checked)) this.#findings.add({ ...finding, subject })
    return checked
  }

  summary(): ChainSummary {
    const { openCount: open, sealedCount: sealed } = this.#sessions
    return { events: this.#count, heads: this.#links.heads, sessions: { open, sealed } }
  }

  #subject(row: number): string {
    const { lane, agent } = this.#terms
    return agent === undefined
      ? `event ${row} of lane ${lane}`
      : `event ${row} of ${agent} in lane ${lane}`
  }

  #signatureFlaw(
    kid: string,
    leafHash: Uint8Array,
    signature: string,
  ): Omit<Finding, "subject"> | undefined {
    const key = this.#monitors.get(kid)
    if (key === undefined)
      return {
        code: "ledger/unknown-key",
        detail: `the root certified no monitor key ${kid}`,
        tampered: true,
      }
    if (this.#commits.isSigned(leafHash, signature, key)) return undefined
    return {
      code: "ledger/signature-invalid",
      detail: `the signature of key ${kid} does not fit the event`,
      tampered: true,
    }
  }

  #eventFindings(checked: CheckedEvent): readonly Omit<Finding, "subject">[] {
    const { event, hash } = checked
    return [
      ...this.#keyPlaceFindings(event),
      ...this.#links.check(event, hash),
      ...this.#idFindings(event.id),
      ...this.#sessions.check(checked),
    ]
  }

  #keyPlaceFindings({ kid, lseq: index, ts }: Event): readonly Omit<Finding, "subject">[] {
    const { keyring, lane, toldThefts } = this.#terms
    if (!this.#monitors.has(kid)) return []
    const flaw = keyring.flawOf("monitor", kid, { lane, index, ts })
    if (flaw === null || (flaw === "compromised" && toldThefts?.has(kid) === true)) return []
    return [describeFlaw(kid, flaw)]
  }

  #idFindings(id: string): readonly Omit<Finding, "subject">[] {
    if (id > this.#lastId) {
      this.#lastId = id
      return []
    }
    const detail = "the event's id is not greater than those before it"
    return [{ code: "ledger/id-repeated", detail, tampered: false }]
  }
}

const unsigned = {
  code: "ledger/signature-invalid",
  detail: "the leaf names no key, so that nobody signed it",
  tampered: true,
} as const

/** Verifies a chain that fits into memory. See {@link ChainCheck} for what that means. */
export function verifyChain(
  leaves: Iterable<SignedLeaf>,
  terms: ChainTerms,
): Verdict<ChainSummary> {
  const findings = new FindingList()
  const chain = new ChainCheck(terms, findings)
  for (const leaf of leaves) chain.add(leaf)
  return verdictOf(chain.summary(), findings.all())
}
