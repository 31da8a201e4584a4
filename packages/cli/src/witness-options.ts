import { parseWitnessPolicy } from "@amc/core"
import type { LedgerWitnessing, WitnessSummary, WitnessTerms } from "@amc/verify"
import { type Context, type Options, textOption } from "./command.ts"
import { duration } from "./duration.ts"

/**
 * Whose cosignatures count for the one who verifies, and how old they may be.
 *
 * @throws {@link AmcError} `input/unreadable`, `input/malformed`, `usage/invalid`
 */
export async function witnessOptions(
  context: Context,
  options: Options,
): Promise<Omit<WitnessTerms, "nowMs">> {
  const [file, age] = [textOption(options, "witnessPolicy"), textOption(options, "maxAge")]
  return {
    policy: file === undefined ? undefined : parseWitnessPolicy(await context.readFile(file)),
    maxAgeMs: age === undefined ? undefined : duration(age, "max-age"),
  }
}

/** What the verifier's witnesses say of the time. */
export function witnessLines(witnessing: WitnessSummary | null): readonly string[] {
  if (witnessing === null)
    return ["time        self-asserted: only the owner says when this was (see --witness-policy)"]
  const { witnesses, quorum, since_ms } = witnessing
  const who = witnesses.map(({ name }) => name).join(", ")
  const seen = `witnesses   ${witnesses.length} of your policy${who === "" ? "" : `: ${who}`}`
  if (quorum === "none")
    return [seen, "time        self-asserted: your policy asks for no cosignature"]
  const since = since_ms === null ? "" : `, since ${timeOf(since_ms)}`
  return [seen, `quorum      ${quorum === "met" ? "met" : "not met"}${since}`]
}

/** How much of a ledger the quorum cosigned. */
export function coverageLines(witnessing: LedgerWitnessing | null): readonly string[] {
  return witnessing === null ? [] : [`witnessed   the first ${witnessing.covered} events`]
}

/** A time in UTC, to the second. */
function timeOf(ms: number): string {
  // oxlint-disable-next-line no-restricted-globals
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
