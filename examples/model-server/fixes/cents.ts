/** The whole cents of an amount that is written with a decimal point. */
export function toCents(amount: string): number {
  const negative = amount.startsWith("-")
  const [whole = "", decimals = ""] = amount.replace("-", "").split(".")
  const digits = decimals.padEnd(3, "0")
  const roundsUp = Number(digits[2]) >= 5
  const cents = Number(whole) * 100 + Number(digits.slice(0, 2)) + (roundsUp ? 1 : 0)
  return negative && cents !== 0 ? -cents : cents
}
