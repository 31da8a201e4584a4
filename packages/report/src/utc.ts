/** The last millisecond that a date can have. */
const lastMs = 8_640_000_000_000_000

/** A time in UTC as ISO 8601 has it, to the second: `2026-01-31 12:00:00 UTC`. */
export function utcTime(ms: number): string {
  const iso = isoOf(ms)
  return iso === null ? `${ms} ms` : `${iso.slice(0, -5).replace("T", " ")} UTC`
}

/** A day in UTC: `2026-01-31`. */
export function utcDay(ms: number): string {
  const iso = isoOf(ms)
  return iso === null ? `${ms} ms` : iso.slice(0, iso.indexOf("T"))
}

/** For machines: `2026-01-31T12:00:00.000Z`, or the number where it is no date. */
export function isoTime(ms: number): string {
  return isoOf(ms) ?? String(ms)
}

function isoOf(ms: number): string | null {
  // oxlint-disable-next-line no-restricted-globals -- of a given time, not of now
  return ms > lastMs ? null : new Date(ms).toISOString()
}
