/**
 * Milliseconds of a day (its first moment, UTC) or of an ISO 8601 time with its zone; null for any other text. Asks no
 * clock.
 */
export function utcTime(text: string): number | null {
  const isKnownForm =
    /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/u.test(text)
  // oxlint-disable-next-line no-restricted-globals -- parsing a text needs no clock
  const ms = isKnownForm ? Date.parse(text) : Number.NaN
  return Number.isFinite(ms) && ms >= 0 ? ms : null
}
