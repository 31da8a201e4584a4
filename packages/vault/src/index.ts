export { syncFolder } from "./durable-file.ts"
export { fastEquation } from "./fast-equation.ts"
export { defaultKdfCost, type KdfCost, lowestKdfCost } from "./kdf.ts"
export { laneKeySigner } from "./lane-key.ts"
export { openLaneSigner } from "./lane-signer.ts"
export { type Notary, startNotary } from "./notary.ts"
export type { NotaryTerms } from "./notary-process.ts"
export {
  generatePassphrase,
  readPassphraseDescriptor,
  readPassphraseFile,
  writePassphraseFile,
} from "./passphrase.ts"
export { generatePrivateKey, privateKeySigner } from "./private-key.ts"
export {
  addRevocations,
  type KeyChangeTerms,
  requireThreshold,
  revokeKey,
  rotateRoleKey,
  type RotationTerms,
  revokeCertificate,
} from "./key-change.ts"
export { addRootKey, changeRoot, dropOldRootKeys, type RootChangeTerms } from "./root-change.ts"
export { createRootKeyFile, hasRootSlot, openRootSigners } from "./root-key-file.ts"
export {
  keptProviderKeys,
  openProviderKey,
  type ProviderKey,
  storeProviderKey,
} from "./provider-key.ts"
export { type Secrets, wipeSecrets } from "./secrets.ts"
export { type SlotState, slotStates, vaultState, type VaultState } from "./stored-vault.ts"
export {
  createTrust,
  revocationListLifetimeMs,
  type RootKeyFile,
  rootLifetimeMs,
  slotOfRole,
  type Trust,
  type TrustTerms,
} from "./trust.ts"
export { loadKeyring, readTrustFiles, type StoredTrust } from "./trust-files.ts"
export {
  certificatePath,
  rootPath,
  type TrustPaths,
  trustPaths,
  vaultPathOf,
} from "./trust-paths.ts"
export { changePassphrase, changeSlot, createVault, type NewSlot, openSlot } from "./vault.ts"
export type { SlotName } from "./vault-header.ts"
export {
  clearFailures,
  countFailure,
  failureState,
  type FailureState,
  forgetRecorded,
  requireNoBackOff,
  type UnlockFailure,
  unrecordedFailures,
} from "./unlock-failures.ts"
export {
  findUnlocked,
  forgetUnlocked,
  type UnlockedNotary,
  unlockNotary,
  type UnlockTerms,
} from "./unlocked-notary.ts"
export { createWitnessKeyFile, openWitnessSigner } from "./witness-key-file.ts"
export { WrongPassphrase } from "./wrong-passphrase.ts"
