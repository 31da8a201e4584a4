const dayMs = 86_400_000

/** The whole part of a division of two safe integers, the divisor positive; never a fraction on the way. */
export function quotient(dividend: number, divisor: number): number {
  return (dividend - (dividend % divisor)) / divisor
}

/** The number of the UTC day that a time in milliseconds lies in. */
export function dayOf(ms: number): number {
  return quotient(ms, dayMs)
}

/** When a UTC day begins. */
export function dayStart(day: number): number {
  return Math.min(day * dayMs, Number.MAX_SAFE_INTEGER)
}

/** The time that many days later, or the last one that can be written. */
export function daysAfter(ms: number, days: number): number {
  return Math.min(ms + days * dayMs, Number.MAX_SAFE_INTEGER)
}

/** The time that many days earlier, or the first one. */
export function daysBefore(ms: number, days: number): number {
  return Math.max(ms - days * dayMs, 0)
}

/** Orders texts by their UTF-16 code units, in every locale alike. */
export function byText(a: string, b: string): number {
  if (a < b) return -1
  return a > b ? 1 : 0
}

/** A quotient with two decimals as text, cut towards zero: `decimal(-10, 4)` is `-2.50`. */
export function decimal(dividend: number, divisor: number): string {
  const hundredths = quotient(Math.abs(dividend) * 100, divisor)
  const sign = dividend < 0 && hundredths > 0 ? "-" : ""
  return `${sign}${quotient(hundredths, 100)}.${String(hundredths % 100).padStart(2, "0")}`
}
