/** The whole cents of an amount that is written with a decimal point. */
export function toCents(amount: string): number {
  return Math.floor(Number(amount) * 100)
}
