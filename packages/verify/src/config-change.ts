import { type EventBody, type Keyring, parseSignedFile, STATEMENT_PAYLOAD_TYPE } from "@amc/core"
import { checkEnvelope } from "./envelope-check.ts"
import type { FindingList } from "./finding-list.ts"

/** Whose signature makes a change of a config file count, and how findings call the event. */
export interface ConfigChangeTerms {
  readonly workspace: string
  readonly keyring: Keyring
  readonly subject: string
}

/** A change that the auditor signed. */
export interface SignedChange {
  readonly signedBy: ReadonlySet<string>
  readonly expiresMs: number | null
}

const code = "ledger/config-change" as const

/**
 * Checks a `config_change` event: the monitor's key signed it, and what it says counts only if the auditor
 * signed the same in the envelope that is its payload (the bytes of the file's `.sig`).
 *
 * Gives the ids of the keys that signed it and until when; undefined if it says nothing. Whether those keys
 * still counted there and then is another question.
 */
export function openConfigChange(
  event: EventBody<"config_change">,
  envelope: Uint8Array | null,
  terms: ConfigChangeTerms,
  findings: FindingList,
): SignedChange | undefined {
  const { subject, keyring } = terms
  if (envelope === null) {
    const detail = "the event does not hold the auditor's signature"
    findings.add({ code, subject, detail, tampered: false })
    return undefined
  }
  const keys = keyring.keys("auditor")
  const kind = { code, subject, payloadType: STATEMENT_PAYLOAD_TYPE, keys } as const
  const signed = checkEnvelope(envelope, kind, findings)
  if (signed === undefined) return undefined
  const said = findings.attempt({ code, subject, tampered: false }, () =>
    parseSignedFile(signed.payload),
  )
  if (said === undefined || !isOf(event, said, terms, findings)) return undefined
  return { signedBy: signed.signedBy, expiresMs: said.terms.expires_ms }
}

function isOf(
  { ts, facts }: EventBody<"config_change">,
  { sha256, terms: signed }: ReturnType<typeof parseSignedFile>,
  { workspace, subject }: ConfigChangeTerms,
  findings: FindingList,
): boolean {
  const { measured } = facts
  const isSame =
    signed.path === measured.path &&
    signed.version === measured.version &&
    signed.role === measured.role &&
    signed.workspace === workspace &&
    sha256 === measured.sha256
  const isTimely = signed.expires_ms === null || ts <= signed.expires_ms
  if (!isSame) {
    const detail = "the auditor signed another file, version or workspace than the event says"
    findings.add({ code, subject, detail, tampered: true })
  } else if (!isTimely) {
    const detail = "the auditor's signature had expired before it"
    findings.add({ code, subject, detail, tampered: false })
  }
  return isSame && isTimely
}
