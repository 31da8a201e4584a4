import type { AuditCode, Channel, Recorder } from "@amc/core"

export interface AuditReport {
  readonly code: AuditCode
  readonly channel: Channel
  readonly agent: string
  readonly session: string | null
  readonly subject: string
  readonly detail: string
}

interface Window {
  readonly last: AuditReport
  readonly openedMs: number
  recorded: number
  uncounted: number
}

const minute = 60_000

/**
 * Records audits, but of one kind about one agent only so many in a minute: a flood of bad requests
 * must not fill the ledger. What is left out is counted, and the count is recorded.
 */
export class AuditGate {
  readonly #recorder: Recorder
  readonly #perMinute: number
  readonly #clock: () => number
  readonly #windows = new Map<string, Window>()
  readonly #pending = new Set<Promise<void>>()

  constructor(recorder: Recorder, perMinute: number, clock: () => number) {
    this.#recorder = recorder
    this.#perMinute = perMinute
    this.#clock = clock
  }

  /** Resolves when the audit is durable, or counted, or could not be written. */
  report(audit: AuditReport): Promise<void> {
    const key = `${audit.code} ${audit.agent} ${audit.session}`
    const now = this.#clock()
    const before = this.#windows.get(key)
    const isOpen = before !== undefined && Math.abs(now - before.openedMs) < minute
    if (isOpen && before.recorded >= this.#perMinute) {
      before.uncounted++
      return Promise.resolve()
    }
    const window = isOpen ? before : { last: audit, openedMs: now, recorded: 0, uncounted: 0 }
    window.recorded++
    this.#windows.set(key, window)
    return this.#track(this.#write(window, audit, isOpen ? 0 : (before?.uncounted ?? 0)))
  }

  /** Records the counts of what was left out. Call it now and then, and at the end. */
  async flush(): Promise<void> {
    for (const window of this.#windows.values()) {
      if (window.uncounted === 0) continue
      const count = window.uncounted
      window.uncounted = 0
      void this.#track(this.#write(window, window.last, count))
    }
    await Promise.all(this.#pending)
  }

  /** Forgets windows that are over and were counted. */
  async sweep(): Promise<void> {
    await this.flush()
    const now = this.#clock()
    for (const [key, window] of this.#windows)
      if (window.uncounted === 0 && Math.abs(now - window.openedMs) >= minute)
        this.#windows.delete(key)
  }

  async #write(window: Window, audit: AuditReport, leftOut: number): Promise<void> {
    const { code, channel, agent, session, subject, detail } = audit
    const counted =
      leftOut === 0 ? detail : `${detail}; ${leftOut} more were not recorded one by one`
    const facts = {
      measured: { code, subject: subject.slice(0, 256), detail: counted.slice(0, 512) },
      reported: {},
    }
    try {
      await this.#recorder.record({ type: "audit", channel, agent, session, facts })
    } catch {
      // The refusal itself stands, whether or not the ledger can be written; the count is kept.
      window.uncounted += leftOut + 1
    }
  }

  #track(work: Promise<void>): Promise<void> {
    const tracked = work.finally(() => this.#pending.delete(tracked))
    this.#pending.add(tracked)
    return tracked
  }
}
