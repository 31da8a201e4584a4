export { attestationFindings } from "./attestation-check.ts"
export type { PayloadCounts } from "./bundle-payloads.ts"
export * from "./bundle.ts"
export { type ChainHead } from "./chain-links.ts"
export {
  type CertificateTerms,
  type VerifiedCertificate,
  verifyCertificate,
} from "./certificate.ts"
export * from "./chain-check.ts"
export { type ConfigChangeTerms } from "./config-change.ts"
export {
  checkConfig,
  type ConfigFile,
  type ConfigHistory,
  ConfigLog,
  type ConfigTerms,
} from "./config-check.ts"
export type { PayloadSummary } from "./payload-check.ts"
export * from "./payloads.ts"
export * from "./prune-log.ts"
export * from "./event-proof.ts"
export { type Evidence, EvidenceNotes } from "./evidence-notes.ts"
export { diffEvidence, type EvidenceDiff } from "./evidence-diff.ts"
export * from "./exit.ts"
export { FindingList } from "./finding-list.ts"
export { keyFindings, type KeyUse } from "./key-check.ts"
export * from "./known-trust.ts"
export * from "./ledger.ts"
export type * from "./ledger-source.ts"
export { type LedgerWitnessing, witnessLedger } from "./ledger-witness.ts"
export type { ProofTrust } from "./proof-trust.ts"
export * from "./receipt.ts"
export { type RunEvidence, type RunSummary, verifyRun } from "./run.ts"
export type { RunOpened } from "./run-slice.ts"
export type { SeenTree } from "./seen-trees.ts"
export type { CheckedEvent } from "./session-check.ts"
export * from "./signed-checkpoint.ts"
export type { EquationsAhead, SignedMessage } from "./signed-commits.ts"
export { type TileSource, type TileSummary } from "./tile-check.ts"
export { type TiledLedger, type TreeSummary, verifyTiles } from "./tiles.ts"
export { hasThefts, ToldThefts } from "./told-thefts.ts"
export { encodeTrustFile, readTrustFile, type TrustFile } from "./trust-file.ts"
export * from "./trust-label.ts"
export * from "./verdict-lines.ts"
export * from "./verifier-memory.ts"
export { type WitnessSummary, type WitnessTerms } from "./witness-check.ts"
export { type GateInput, type GateTerms, type GateVerdict, verifyGate } from "./gate.ts"
export type {
  OpenedPolicy,
  PolicyFile,
  PolicyHistory,
  PolicyTerms,
  PolicyTrust,
} from "./gate-policy.ts"
