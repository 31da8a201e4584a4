import type { GateCheck, GateRule } from "./gate-evidence.ts"

/** What a rule found, without a way out where none is needed. */
export function check(
  rule: GateRule,
  { next, ...found }: Omit<GateCheck, "rule" | "next"> & { readonly next: string },
): GateCheck {
  return { rule, ...found, next: found.passed ? null : next }
}
