import {
  AmcError,
  canonicalize,
  encodeAttestation,
  encodeBundleManifest,
  encodeCertificate,
  encodeBundleSums,
  encodeCheckpoint,
  encodeEnvelope,
  encodeRunSeal,
  encodeStatement,
  equalBytes,
  isFault,
  type KeyRole,
  parseAttestation,
  parseBundleManifest,
  parseCertificate,
  parseBundleSums,
  parseCheckpoint,
  parseRunSeal,
  parseSignedFile,
  signBundleManifest,
  signCertificate,
  signBundleSums,
  type Signer,
  signedFilePredicateType,
  signEnvelope,
  signNote,
  STATEMENT_PAYLOAD_TYPE,
  text,
  toBase64,
  utf8,
} from "@amc/core"
import type { NotaryRequest } from "./notary-line.ts"

/** The keys that are unlocked. The monitor's is never among them: events are signed by the lane's worker. */
export type NotaryKeys = ReadonlyMap<Exclude<KeyRole, "monitor">, Signer>

interface Kind {
  readonly role: Exclude<KeyRole, "monitor">
  /** Reads the payload as the one kind that this op signs, and writes it anew. */
  reencode(payload: Uint8Array): Uint8Array
  sign(payload: Uint8Array, signer: Signer): Uint8Array
}

/** All that a notary signs. A new kind of statement is a new line here, with a parser of its own. */
const kinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ["sign-file", { role: "auditor", reencode: reencodeSignedFile, sign: signStatement }],
  ["seal-run", { role: "auditor", reencode: reencodeRunSeal, sign: signStatement }],
  ["attest", { role: "auditor", reencode: reencodeAttestation, sign: signStatement }],
  ["sign-bundle", { role: "auditor", reencode: reencodeBundle, sign: signBundleManifest }],
  ["certify", { role: "auditor", reencode: reencodeCertificate, sign: signCertificate }],
  ["sign-sums", { role: "release", reencode: reencodeSums, sign: signBundleSums }],
  ["sign-checkpoint", { role: "ledger", reencode: reencodeCheckpoint, sign: signCheckpoint }],
])

/**
 * Answers one request: signs exactly the kinds of statement listed above, each with its own role's key,
 * after reading the statement itself and finding that it writes the same bytes.
 *
 * @throws {@link AmcError} `notary/refused` for everything else, `vault/locked` if the role's key is not
 * unlocked
 */
export function answerRequest({ op, payload }: NotaryRequest, keys: NotaryKeys): Uint8Array {
  if (op === "keys") return listKeys(keys)
  const kind = kinds.get(op)
  if (kind === undefined) throw refused("this is nothing that a notary does")
  checkPayload(kind, payload)
  const signer = keys.get(kind.role)
  if (signer === undefined) throw new AmcError("vault/locked", `the ${kind.role}'s key is locked`)
  return kind.sign(payload, signer)
}

function checkPayload(kind: Kind, payload: Uint8Array): void {
  const written = reread(kind, payload)
  if (!equalBytes(written, payload)) throw refused("the statement has another spelling")
}

function reread(kind: Kind, payload: Uint8Array): Uint8Array {
  try {
    return kind.reencode(payload)
  } catch (cause) {
    if (!isFault(cause, "input/malformed")) throw cause
    throw refused(`this is not what the ${kind.role} signs by this name`, cause)
  }
}

function reencodeSignedFile(payload: Uint8Array): Uint8Array {
  const { sha256, terms } = parseSignedFile(payload)
  const subject = [{ name: terms.path, sha256hex: sha256 }]
  return encodeStatement({ subject, predicateType: signedFilePredicateType, predicate: terms })
}

function reencodeRunSeal(payload: Uint8Array): Uint8Array {
  return encodeRunSeal(parseRunSeal(payload))
}

function reencodeAttestation(payload: Uint8Array): Uint8Array {
  return encodeAttestation(parseAttestation(payload))
}

function reencodeCertificate(payload: Uint8Array): Uint8Array {
  return encodeCertificate(parseCertificate(payload))
}

function reencodeBundle(payload: Uint8Array): Uint8Array {
  return encodeBundleManifest(parseBundleManifest(payload))
}

function reencodeSums(payload: Uint8Array): Uint8Array {
  return encodeBundleSums(parseBundleSums(payload))
}

function reencodeCheckpoint(payload: Uint8Array): Uint8Array {
  return utf8(encodeCheckpoint(parseCheckpoint(text(payload))))
}

function signStatement(payload: Uint8Array, signer: Signer): Uint8Array {
  return encodeEnvelope(signEnvelope(STATEMENT_PAYLOAD_TYPE, payload, [signer]))
}

/** The note's key name is the checkpoint's origin (C2SP tlog-checkpoint). */
function signCheckpoint(payload: Uint8Array, signer: Signer): Uint8Array {
  const checkpoint = text(payload)
  return utf8(signNote(checkpoint, parseCheckpoint(checkpoint).origin, signer))
}

function listKeys(keys: NotaryKeys): Uint8Array {
  const entries = [...keys].map(([role, { key }]) => [role, toBase64(key.raw)])
  return canonicalize(Object.fromEntries(entries) as Record<string, string>)
}

function refused(message: string, cause?: unknown): AmcError {
  return new AmcError("notary/refused", message, { cause })
}
