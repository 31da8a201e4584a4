import { type AmcError, type Finding, isFault, rejected, type Verdict, verdictOf } from "@amc/core"

/** More findings than this are counted and not kept, so that a hostile ledger can't fill the memory. */
export const findingsMax = 200

/** What a finding says if a check fails. */
export type FindingTerms = Omit<Finding, "detail">

/** Collects the findings of a verification. */
export class FindingList {
  readonly #kept: Finding[] = []
  #dropped = 0
  #droppedTampered = false

  add(finding: Finding): void {
    if (this.#kept.length < findingsMax) {
      this.#kept.push(finding)
      return
    }
    this.#dropped++
    this.#droppedTampered ||= finding.tampered
  }

  addAll(findings: readonly Finding[]): void {
    for (const finding of findings) this.add(finding)
  }

  /** Whether nothing has been found so far. */
  get isEmpty(): boolean {
    return this.#kept.length === 0
  }

  all(): readonly Finding[] {
    if (this.#dropped === 0) return this.#kept
    const detail = `${this.#dropped} more findings are not shown`
    return [
      ...this.#kept,
      { code: "verify/more", subject: "findings", detail, tampered: this.#droppedTampered },
    ]
  }

  /** Accepts the value if there is one and nothing was found; checks that gave up must have said why. */
  verdict<T>(value: T | undefined): Verdict<T> {
    if (value !== undefined) return verdictOf(value, this.all())
    const [first, ...rest] = this.all()
    if (first === undefined) throw new Error("a check gave up without a finding")
    return rejected(first, ...rest)
  }

  /**
   * The one place where a fault of a parser becomes a finding. What is thrown and is no fault is a bug,
   * and goes on.
   */
  attempt<T>(terms: FindingTerms, read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      if (!isFault(error)) throw error
      this.add(findingOf(error, terms))
      return undefined
    }
  }

  /** {@link attempt} for what answers later. */
  async attemptLater<T>(terms: FindingTerms, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read()
    } catch (error) {
      if (!isFault(error)) throw error
      this.add(findingOf(error, terms))
      return undefined
    }
  }
}

function findingOf({ code, message }: AmcError, { subject, ...terms }: FindingTerms): Finding {
  // These say that this program can't look, which is not the same as having seen something wrong.
  if (
    code === "input/unsupported-version" ||
    code === "score/unknown-engine" ||
    code === "score/unknown-bank"
  )
    return { code, subject, detail: message, tampered: false }
  return {
    ...terms,
    subject,
    detail: message,
    tampered: terms.tampered || code === "note/bad-signature",
  }
}
