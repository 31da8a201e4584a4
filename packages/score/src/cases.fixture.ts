/** How often each property is tried: 300 times, or as often as `SCORE_CASES` says (bench/score-properties.ts). */
export const cases: { readonly numRuns: number } = {
  numRuns: Number(process.env["SCORE_CASES"] ?? 300),
}
