import { beginScore, encodeReport, type RunScore } from "@amc/score"
import { FindingList } from "./finding-list.ts"
import type { RunOpened } from "./run-slice.ts"
import type { CheckedEvent } from "./session-check.ts"

const terms = { code: "run/not-reproducible", subject: "report", tampered: false } as const

/** The report that the events of a run give, of which each is told twice, as a score asks for. */
export class RebuiltReport {
  readonly #findings = new FindingList()
  readonly #score: RunScore | undefined

  constructor(runOpened: RunOpened) {
    this.#score = this.#findings.attempt(terms, () => beginScore(runOpened))
  }

  look(each: CheckedEvent): void {
    this.#score?.look(each)
  }

  take(each: CheckedEvent): void {
    this.#score?.take(each)
  }

  /** Its bytes, or why this program can't make it. */
  bytes(findings: FindingList): Uint8Array | undefined {
    findings.addAll(this.#findings.all())
    const score = this.#score
    return score && findings.attempt(terms, () => encodeReport(score.report()))
  }
}
