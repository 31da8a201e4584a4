import { type AmcError, isFault, type Verdict } from "@amc/core"
import type { FindingList } from "@amc/verify"
import { attemptRead } from "./ledger-finding.ts"

/** Goes on where a part can't be looked at, and remembers that it could not. */
export class Look {
  readonly findings: FindingList
  #fault: { readonly error: AmcError; readonly subject: string } | null = null

  constructor(findings: FindingList) {
    this.findings = findings
  }

  /** Looks at something of the ledger; what contradicts becomes a finding. */
  async at<T>(subject: string, look: () => Promise<T>): Promise<T | undefined> {
    try {
      return await attemptRead(subject, this.findings, look)
    } catch (error) {
      this.#note(error, subject)
      return undefined
    }
  }

  /** Reads something of the verifier's own. That it can't be read says nothing against the evidence. */
  own<T>(subject: string, read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      this.#note(error, subject)
      return undefined
    }
  }

  /**
   * Not to have been able to look is worse than what is merely missing, and less than what contradicts.
   *
   * @throws {@link AmcError} what could not be looked at, where nothing contradicts
   */
  verdict<T>(value: T | undefined): Verdict<T> {
    const fault = this.#fault
    if (fault === null) return this.findings.verdict(value)
    const { error, subject } = fault
    if (!this.findings.all().some(({ tampered }) => tampered)) throw error
    const { code, message: detail } = error
    this.findings.add({ code, subject, detail, tampered: false })
    return this.findings.verdict<T>(undefined)
  }

  #note(error: unknown, subject: string): void {
    if (!isFault(error)) throw error
    this.#fault ??= { error, subject }
  }
}
