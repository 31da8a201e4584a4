import { canonicalize, type JsonObject, type JsonValue, parseCanonical } from "./canonical.ts"
import { malformed } from "./errors.ts"
import { isObjectOf } from "./members.ts"

/** What a statement is about: a named artifact with its SHA-256. */
export interface Subject {
  readonly name: string
  /** 64 lower-case hexadecimal digits. */
  readonly sha256hex: string
}

/** An in-toto Statement v1: a predicate of some type about subjects. */
export interface Statement {
  /** At least one, each name once. */
  readonly subject: readonly Subject[]
  readonly predicateType: string
  readonly predicate: JsonObject
}

/** The DSSE payload type of an in-toto statement. */
export const STATEMENT_PAYLOAD_TYPE = "application/vnd.in-toto+json"

/** What every in-toto statement says that it is. */
export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1"

/** The statement's canonical JSON (spec/dsse.md). @throws {@link AmcError} `input/malformed` */
export function encodeStatement({ subject, predicateType, predicate }: Statement): Uint8Array {
  const value = {
    _type: STATEMENT_TYPE,
    predicate,
    predicateType,
    subject: subject.map(({ name, sha256hex }) => ({ digest: { sha256: sha256hex }, name })),
  }
  readStatement(value)
  return canonicalize(value)
}

/**
 * Reads a statement in exactly the spelling of {@link encodeStatement}. The predicate is any object:
 * check it by its type.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function parseStatement(bytes: Uint8Array): Statement {
  return readStatement(parseCanonical(bytes))
}

function readStatement(value: JsonValue): Statement {
  if (!isObjectOf(value, ["_type", "predicate", "predicateType", "subject"]))
    throw malformed("statement does not have exactly the members of in-toto v1")
  const { _type, predicate, predicateType, subject } = value
  if (_type !== STATEMENT_TYPE) throw malformed("statement is not an in-toto statement v1")
  if (typeof predicateType !== "string" || predicateType === "" || !isObject(predicate))
    throw malformed("statement has a member of the wrong type")
  return { subject: readSubjects(subject), predicateType, predicate }
}

function readSubjects(value: JsonValue): readonly Subject[] {
  if (!Array.isArray(value) || value.length === 0) throw malformed("statement has no subject")
  const subjects = (value as readonly JsonValue[]).map(readSubject)
  if (new Set(subjects.map(({ name }) => name)).size < subjects.length)
    throw malformed("statement names a subject twice")
  return subjects
}

function readSubject(value: JsonValue): Subject {
  if (!isObjectOf(value, ["digest", "name"]) || !isObjectOf(value.digest, ["sha256"]))
    throw malformed("statement subject does not have exactly a name and a sha256")
  const { name } = value
  const { sha256 } = value.digest
  if (typeof name !== "string" || name === "") throw malformed("statement subject has no name")
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/u.test(sha256))
    throw malformed("statement subject has no sha256")
  return { name, sha256hex: sha256 }
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
