const steps = 1024
const scale = 10n ** 30n
/** 2^(-1/1024), in 10^-30. */
const step = 999_323_327_502_650_752_360_283_659_843n

/** Steps of a halving in billionths: 10^9 * 2^(-i/1024) for i from 0 to 1023, cut to whole numbers. */
export const fadeTable: readonly number[] = tableOf()

/** With 30 digits and 1024 steps the last digits that are cut decide no billionth. */
function tableOf(): readonly number[] {
  const table: number[] = []
  let value = scale
  for (let at = 0; at < steps; at++) {
    table.push(Number((value * 1_000_000_000n) / scale))
    value = (value * step) / scale
  }
  return table
}
