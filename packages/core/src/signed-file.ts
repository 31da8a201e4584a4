import { z } from "zod"
import { sha256Hex } from "./digest.ts"
import { encodeEnvelope, parseEnvelope, signEnvelope, verifyEnvelope } from "./dsse.ts"
import type { PublicKey, Signer } from "./public-key.ts"
import { malformed } from "./errors.ts"
import { count, hex32, label } from "./fact-field.ts"
import { encodeStatement, parseStatement, STATEMENT_PAYLOAD_TYPE } from "./statement.ts"

export const signedFilePredicateType = "urn:amc:signed-file:v1"

const schema = z.strictObject({
  path: label,
  workspace: label,
  version: z.int().min(1),
  previous_sha256: hex32.nullable(),
  expires_ms: count.nullable(),
  role: z.enum(["auditor"]),
})

/** What is said of a file's bytes: `x.yaml.sig` beside `x.yaml`. */
export type SignedFileTerms = z.infer<typeof schema>

/** Signs a file's raw bytes; returns the bytes of its `.sig` file. */
export function signFile(file: Uint8Array, terms: SignedFileTerms, signer: Signer): Uint8Array {
  const payload = encodeSignedFile(file, terms)
  return encodeEnvelope(signEnvelope(STATEMENT_PAYLOAD_TYPE, payload, [signer]))
}

/** The statement that {@link signFile} signs, for a notary that signs elsewhere. */
export function encodeSignedFile(file: Uint8Array, terms: SignedFileTerms): Uint8Array {
  const subject = [{ name: terms.path, sha256hex: sha256Hex(file) }]
  return encodeStatement({
    subject,
    predicateType: signedFilePredicateType,
    predicate: schema.parse(terms),
  })
}

/**
 * What was signed of exactly these bytes, by one of these keys.
 *
 * The caller compares path, workspace, version and expiry with what it expects, and then parses the
 * same bytes that it passed in here.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function openSignedFile(
  file: Uint8Array,
  signature: Uint8Array,
  keys: ReadonlyMap<string, PublicKey>,
): SignedFileTerms {
  const envelope = parseEnvelope(signature)
  if (verifyEnvelope(envelope, STATEMENT_PAYLOAD_TYPE, keys).size === 0)
    throw malformed("the signature is not by a key of the right role")
  const terms = parseSignedFile(envelope.payload)
  if (terms.sha256 !== sha256Hex(file)) throw malformed("the signature is about other bytes")
  return terms.terms
}

/** Reads the statement about a file, unsigned. */
export function parseSignedFile(payload: Uint8Array): { sha256: string; terms: SignedFileTerms } {
  const { subject, predicateType, predicate } = parseStatement(payload)
  if (predicateType !== signedFilePredicateType)
    throw malformed("not a statement about a signed file")
  const parsed = schema.safeParse(predicate)
  const [file] = subject
  if (
    !parsed.success ||
    file === undefined ||
    subject.length !== 1 ||
    file.name !== parsed.data.path
  )
    throw malformed("signed-file statement breaks its schema")
  return { sha256: file.sha256hex, terms: parsed.data }
}
