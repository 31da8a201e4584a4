/** A day in UTC, such as `2026-01-31`. */
export function dayOf(ms: number): string {
  // oxlint-disable-next-line no-restricted-globals -- of a given time, not of now
  return new Date(ms).toISOString().slice(0, 10)
}
