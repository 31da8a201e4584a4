/**
 * Every stable error code, `room/what`, with what it means. Adding one is a minor change; renaming or
 * removing one is breaking. `docs/errors.md` is generated from this list.
 */
export const errorCodes = {
  "input/malformed": "the bytes are not of the format that was expected",
  "input/too-large": "the input is larger than its limit",
  "input/unreadable": "a file that was named can't be read",
  "input/unsupported-version": "the format's version is not known to this program",
  "proof/malformed": "a Merkle proof does not fit its tree",
  "key/refused": "a public key is not canonical or is of low order",
  "root/unknown": "the root is not the pinned one",
  "root/broken-chain": "a version of the root does not follow from the one before it",
  "root/rolled-back": "the root or its revocation list is older than this machine has seen it",
  "root/threshold": "fewer root keys were given than the root asks for",
  "key/unknown": "no certified key has this id",
  "key/too-many": "the workspace has as many keys as its formats hold",
  "note/bad-signature": "a trusted key's signature does not fit the signed note",
  "note/untrusted": "no trusted key signed the note",
  "usage/invalid": "the command line is wrong",
  "workspace/missing": "there is no AMC workspace here",
  "workspace/exists": "there is an AMC workspace here already",
  "workspace/unknown": "this workspace is not one that was made or accepted on this machine",
  "workspace/unwritable": "the workspace or its state folder can't be written",
  "vault/missing": "the vault file does not exist",
  "vault/exists": "a vault file is there already",
  "vault/locked": "the vault is locked, so nothing can be signed",
  "vault/wrong-passphrase": "the passphrase does not open this slot",
  "vault/backing-off": "after wrong passphrases in a row, the next try has to wait",
  "vault/damaged": "the vault file was changed or is cut short",
  "vault/unsafe-file": "the vault file's owner, mode or kind is not safe",
  "notary/refused": "the notary does not sign this kind of statement for this role",
  "notary/unavailable": "the notary process can't be reached",
  "store/conflict": "another writer appended first",
  "store/unavailable": "the ledger can't be written or read",
  "store/damaged": "what is stored is not what its digest says",
  "ledger/closed": "the recorder is closed",
  "ledger/busy": "too much is waiting to be written",
  "ledger/lane-taken": "another process writes this lane",
  "ledger/no-event": "the ledger has no such event",
  "ledger/clock-behind":
    "the ledger's last event is later than the clock, so no payload may go yet",
  "ledger/no-retention": "no signed retention policy is in force, so no payload may go",
  "ledger/not-published": "no checkpoint of the ledger is published",
  "gateway/no-lease": "the request carries no lease",
  "gateway/lease-unknown": "the lease is not one that was issued here",
  "gateway/lease-expired": "the lease is past its end",
  "gateway/lease-elsewhere": "the lease does not count on this ingress",
  "gateway/lease-revoked": "the lease was revoked",
  "gateway/foreign-key": "the request carries a key that is no lease",
  "gateway/aws-signature": "an AWS signature holds for one host only, so it can't be forwarded",
  "gateway/policy": "the signed policy does not allow the request",
  "gateway/rate-limit": "too many requests in a minute, or too many at once",
  "gateway/budget": "the budget has no more for this request",
  "gateway/locked": "the gateway was locked, and forwards nothing",
  "gateway/not-running": "no gateway runs for this workspace",
  "gateway/unknown-lease": "the gateway knows no lease of that id",
  "gateway/unknown-route": "the first path segment names no provider",
  "gateway/body-too-large": "the request body is larger than its limit",
  "gateway/bad-request": "the request can't be forwarded as it is",
  "gateway/slow-request": "the request did not come in full in time",
  "gateway/call-limit": "the session has used up its calls",
  "gateway/byte-limit": "the session's request bodies are larger than its limit together",
  "gateway/upstream-unreachable": "the provider could not be reached",
  "gateway/upstream-redirect": "the provider answered with a redirect, which is not followed",
  "gateway/upstream-timeout": "the provider did not answer in time",
  "gateway/cannot-record": "the evidence can't be written, so nothing is forwarded",
  "gateway/unknown-receipt": "no receipt of that id belongs to this lease",
  "gateway/defect": "AMC itself has a defect, which ended the request",
  "egress/bad-target": "the target is not a host and a port in their one spelling",
  "egress/not-allowed": "the signed allowlist does not name the host and port",
  "egress/provider": "the host is a provider's, which agents reach through the gateway alone",
  "egress/denied-address": "the name leads to an address that agents may not reach",
  "egress/unresolved": "the name has no address",
  "egress/not-tls": "the tunnel does not begin with a TLS ClientHello",
  "egress/server-name": "the TLS server name is not the host that was asked for",
  "egress/host-mismatch": "the Host header is not the host of the target",
  "egress/unreachable": "the host could not be reached",
  "egress/timeout": "the host did not answer in time",
  "egress/busy": "too many connections or lookups are open at once",
  "egress/connection-limit": "the session has used up its connections",
  "egress/byte-limit": "the session's connections have moved more bytes than its limit",
  "sandbox/unavailable": "the sandbox driver that was asked for does not work here",
  "sandbox/probe-failed": "the isolation probe did not finish",
  "sandbox/start-failed": "the agent's command could not be started",
  "bundle/malformed": "the file is not a bundle",
  "witness/unavailable": "a witness gave no cosignature in time",
  "run/unknown": "there is no such run",
  "run/interrupted": "the work was stopped before its end",
  "run/not-reproducible": "the run can't be rebuilt from the ledger",
  "score/unknown-question": "the bank of the run does not ask this question",
  "score/not-comparable": "two reports do not ask the same of the same agent",
  "score/unknown-engine": "the run was made by an engine that this program does not have",
  "score/unknown-bank": "the run was made with a bank that this program does not have",
} as const

export type ErrorCode = keyof typeof errorCodes

export interface ErrorOptions {
  readonly cause?: unknown
  /** What the operator can do next. Printed by the CLI; never contains a secret or a payload. */
  readonly hint?: string
}

/** A fault that AMC expects can happen. Anything else that is thrown is a bug. */
export class AmcError extends Error {
  override readonly name = "AmcError"
  readonly code: ErrorCode
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, { cause, hint }: ErrorOptions = {}) {
    super(message, { cause })
    this.code = code
    this.hint = hint
  }
}

/** Whether a thrown value is a fault of one of these codes (of any code, if none is named). */
export function isFault(error: unknown, ...codes: ErrorCode[]): error is AmcError {
  return error instanceof AmcError && (codes.length === 0 || codes.includes(error.code))
}

/** The fault for bytes that break their format. */
export function malformed(message: string, cause?: unknown): AmcError {
  return new AmcError("input/malformed", message, { cause })
}
