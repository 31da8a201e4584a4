import { fieldOf } from "./header-fields.ts"

/**
 * How long a provider asks to wait, in milliseconds: `retry-after-ms`, or `Retry-After` in seconds or
 * as a date (RFC 9110 section 10.2.3). -1 if it does not ask.
 */
export function retryAfterMs(raw: readonly string[], nowMs: number): number {
  const exact = fieldOf(raw, "retry-after-ms")
  if (exact !== null && /^\d{1,12}$/.test(exact)) return Number(exact)
  const text = fieldOf(raw, "retry-after")
  if (text === null) return -1
  if (/^\d{1,12}$/.test(text)) return Number(text) * 1000
  // oxlint-disable-next-line no-restricted-globals -- reads a date that was sent, not the clock
  const date = Date.parse(text)
  return Number.isNaN(date) ? -1 : Math.max(0, Math.round(date - nowMs))
}
