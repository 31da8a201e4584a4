export { type Bank, bankSha256 } from "./v1/bank.ts"
export type { EvidenceEvent } from "./v1/evidence.ts"
export type { ExplainedUnit, Explanation } from "./v1/explain.ts"
export {
  encodeReport,
  parseReport,
  type Report,
  type ReportedQuestion,
  reportSchema,
} from "./v1/report.ts"
export type { Survey } from "./v1/survey.ts"
export type { SurveyedConfig } from "./v1/survey-config.ts"
export type { PlainFact, SurveyedEvent } from "./v1/survey-event.ts"
export type { SessionMark, SurveyedSession } from "./v1/survey-session.ts"
export type { IntegrityFact, Loss } from "./v1/trust.ts"
export { isIngestible } from "./v1/ingested.ts"
export {
  beginScore,
  currentBank,
  engine,
  explainRun,
  type RunScore,
  scoreRun,
  type ScoreInput,
  shippedBanks,
  surveyRun,
} from "./engine.ts"
export { type Changed, diffReports, type ReportDiff } from "./report-diff.ts"
export { type TargetGap, targetGaps } from "./target-gap.ts"
export { certificateChecks, completenessOf } from "./gate/certificate-floors.ts"
export { evaluateGate } from "./gate/gate.ts"
export {
  type GateCheck,
  type GateEvidence,
  type GateRule,
  gateRules,
  type JudgedRun,
  type PreviousRun,
} from "./gate/gate-evidence.ts"
export {
  type GatedBundle,
  type GatedPolicy,
  gateFinding,
  type GateOutcome,
} from "./gate/gate-outcome.ts"
export type { Level } from "./v1/level.ts"
