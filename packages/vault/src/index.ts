export { defaultKdfCost, type KdfCost, lowestKdfCost } from "./kdf.ts"
export { openLaneSigner } from "./lane-signer.ts"
export { type Notary, startNotary } from "./notary.ts"
export type { NotaryTerms } from "./notary-process.ts"
export {
  generatePassphrase,
  readPassphraseDescriptor,
  readPassphraseFile,
  writePassphraseFile,
} from "./passphrase.ts"
export { loadKeyring } from "./pinned-keyring.ts"
export { generatePrivateKey, privateKeySigner } from "./private-key.ts"
export { openProviderKey, storeProviderKey } from "./provider-key.ts"
export { type Secrets, wipeSecrets } from "./secrets.ts"
export { vaultState, type VaultState } from "./stored-vault.ts"
export { createTrust, type Trust, type TrustTerms } from "./trust.ts"
export { type TrustPaths, trustPaths, vaultPathOf } from "./trust-paths.ts"
export { changePassphrase, changeSlot, createVault, type NewSlot, openSlot } from "./vault.ts"
export type { SlotName } from "./vault-header.ts"
