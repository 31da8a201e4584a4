import type { GateRule } from "@amc/score"

const texts: Readonly<Record<GateRule, string>> = {
  status: "The report of the run is VALID.",
  agent: "The run is about an agent of the policy.",
  stale: "The report is not stale and not from the future.",
  age: "The run is not older than the policy allows.",
  "trust-label": "The verifier's own trust label is high enough.",
  "integrity-index": "The IntegrityIndex is high enough.",
  completeness: "Enough of the sessions that were opened were also sealed, for a certificate.",
  posture: "Every session ran in isolation of the asked kind.",
  upstream: "The model's answers came from somewhere else than the producer's own machine.",
  witnesses: "A quorum of the policy's own witnesses cosigned the checkpoint.",
  overall: "The overall level is high enough.",
  layer: "The layer's level is high enough.",
  question: "The question's level is high enough.",
  veto: "Nothing holds a question down.",
  drop: "No level dropped further than allowed since the previous run.",
  "previous-run": "The run before this one passes as well.",
}

/** What each rule asks for, in one sentence, by the code of its finding. */
export const ruleTexts: ReadonlyMap<string, string> = new Map(
  Object.entries(texts).map(([rule, text]) => [`gate/${rule}`, text]),
)
