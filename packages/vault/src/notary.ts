import {
  type Attestation,
  type Certificate,
  type Checkpoint,
  encodeAttestation,
  encodeCertificate,
  encodeCheckpoint,
  encodeRunSeal,
  encodeSignedFile,
  fromBase64,
  type KeyRole,
  malformed,
  parseCanonical,
  type PublicKey,
  publicKeyFromRaw,
  type RunSeal,
  type SignedFileTerms,
  text,
  utf8,
} from "@amc/core"
import { NotaryLine } from "./notary-client.ts"
import { type NotaryProcess, type NotaryTerms, spawnNotary } from "./notary-process.ts"

/**
 * The process that holds the auditor's, the release and the ledger's keys. It signs the statements below and nothing
 * else; each method throws `vault/locked` if the slot was not opened, `notary/refused` if the notary does
 * not take the statement for one, and `notary/unavailable` if the process is gone.
 */
export interface Notary {
  readonly pid: number
  /** The `.sig` of a file, by the auditor. */
  signFile(file: Uint8Array, terms: SignedFileTerms): Promise<Uint8Array>
  /** The seal of a run, by the auditor. */
  sealRun(seal: RunSeal): Promise<Uint8Array>
  /** The auditor's word for a part of an agent's chain. */
  attest(attestation: Attestation): Promise<Uint8Array>
  /** The envelope of a bundle's manifest, by the auditor. */
  signBundleManifest(manifest: Uint8Array): Promise<Uint8Array>
  /** The `.amccert` file of a certificate, by the auditor. */
  certify(certificate: Certificate): Promise<Uint8Array>
  /** The SSH signature of the list of a bundle's files, by the release key. */
  signBundleSums(sums: Uint8Array): Promise<Uint8Array>
  /** The checkpoint as a note signed by the ledger's key, under the checkpoint's origin. */
  signCheckpoint(checkpoint: Checkpoint): Promise<string>
  /** The public keys of what is unlocked. Hints: only a keyring says what they may sign. */
  keys(): Promise<ReadonlyMap<KeyRole, PublicKey>>
  /** Ends the connection, and the process that was started for it, with the keys' memory. */
  close(): Promise<void>
}

/**
 * Starts a notary and waits until it has unlocked its slots.
 *
 * @throws {@link AmcError} as {@link openSlot} for its slots; `vault/unsafe-file` for the socket's folder;
 * `notary/unavailable`
 */
export async function startNotary(terms: NotaryTerms): Promise<Notary> {
  const child = await spawnNotary(terms)
  return notaryOver(await connect(terms.socketPath, child.close), child)
}

/**
 * Speaks with a notary that listens already; closing ends the connection and not the process.
 *
 * @throws {@link AmcError} `notary/unavailable`
 */
export async function connectNotary(socketPath: string, pid: number): Promise<Notary> {
  return notaryOver(await NotaryLine.connect(socketPath), { pid, close: async () => {} })
}

function notaryOver(line: NotaryLine, { pid, close }: NotaryProcess): Notary {
  return {
    pid,
    signFile: async (file, signedTerms) =>
      line.ask("sign-file", encodeSignedFile(file, signedTerms)),
    sealRun: async (seal) => line.ask("seal-run", encodeRunSeal(seal)),
    attest: async (attestation) => line.ask("attest", encodeAttestation(attestation)),
    signBundleManifest: async (manifest) => line.ask("sign-bundle", manifest),
    certify: async (certificate) => line.ask("certify", encodeCertificate(certificate)),
    signBundleSums: async (sums) => line.ask("sign-sums", sums),
    signCheckpoint: async (checkpoint) =>
      text(await line.ask("sign-checkpoint", utf8(encodeCheckpoint(checkpoint)))),
    keys: async () => readKeys(await line.ask("keys", new Uint8Array())),
    close: async () => {
      line.close()
      await close()
    },
  }
}

async function connect(socketPath: string, abandon: () => Promise<void>): Promise<NotaryLine> {
  try {
    return await NotaryLine.connect(socketPath)
  } catch (error) {
    await abandon()
    throw error
  }
}

function readKeys(bytes: Uint8Array): ReadonlyMap<KeyRole, PublicKey> {
  const value = parseCanonical(bytes)
  if (typeof value !== "object" || value === null) throw malformed("notary lists no keys")
  const keys = Object.entries(value).map(([role, raw]) => [role, readKey(raw)] as const)
  return new Map(keys) as ReadonlyMap<string, PublicKey> as ReadonlyMap<KeyRole, PublicKey>
}

function readKey(raw: unknown): PublicKey {
  if (typeof raw !== "string") throw malformed("notary lists something that is not a key")
  return publicKeyFromRaw(fromBase64(raw))
}
