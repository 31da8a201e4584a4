import { writeFileSync } from "node:fs"
import {
  type Attestation,
  encodeAttestation,
  encodeEnvelope,
  encodeEvent,
  type Event,
  type FactType,
  type MeasuredFacts,
  sha256Hex,
  signAttestation,
  type Signer,
  signEnvelope,
  STATEMENT_PAYLOAD_TYPE,
  text,
  utf8,
} from "@amc/core"
import { attestationFindings } from "./attestation-check.ts"
import { makeWorld, startMs, workspace } from "./world.fixture.ts"

/** What a verifier finds in an event with the envelope that is its payload; nothing where it is accepted. */
interface Attested {
  readonly why: string
  readonly event: string
  readonly envelope: string | null
  readonly findings: readonly { readonly code: string; readonly tampered: boolean }[]
}

/** spec/vectors/ingest.json. Bodies, statements and envelopes are the texts of their bytes. */
export interface IngestVectors {
  readonly about: string
  readonly seed: string
  readonly auditor: { readonly kid: string; readonly public_key: string }
  readonly events: {
    readonly accepted: readonly { readonly why: string; readonly body: string }[]
    readonly refused: readonly { readonly why: string; readonly body: string }[]
  }
  readonly statements: {
    readonly accepted: readonly { readonly why: string; readonly statement: string }[]
    readonly refused: readonly { readonly why: string; readonly statement: string }[]
  }
  readonly attested: readonly Attested[]
}

export const ingestVectorsFile: URL = new URL("../../../spec/vectors/ingest.json", import.meta.url)

const seed = "vectors"
const [first, last] = ["ab".repeat(32), "cd".repeat(32)]
const range = {
  lane: "main",
  first_aseq: 3,
  last_aseq: 4,
  first_event_hash: first,
  last_event_hash: last,
}
const attestation: Attestation = { workspace, agent: "coder", ...range, reason: "our own tests" }
const claims: MeasuredFacts<"trace_claim"> = {
  source_sha256: "ef".repeat(32),
  calls: [
    { span_sha256: first, verdict: "correlated", event_hash: last },
    { span_sha256: last, verdict: "no-receipt", event_hash: null },
  ],
}

function eventOf<T extends FactType>(type: T, measured: MeasuredFacts<T>): Event {
  const [hash, aseq] = ["12".repeat(32), 5]
  const event = {
    v: 1,
    type,
    channel: type === "attestation" ? "owner" : "ingest",
    lane: "main",
    lseq: 9,
    lprev: hash,
    id: "01980000-0000-7000-8000-000000000001",
    ts: startMs + 1000,
    agent: "coder",
    aseq,
    aprev: hash,
    session: null,
    payload: null,
    facts: { measured, reported: {} },
    kid: hash,
  }
  return event as unknown as Event
}

/** Put in place of another text, exactly once. */
function edited(body: string, was: string, is: string): string {
  if (body.split(was).length !== 2) throw new Error(`${was} is not once in ${body}`)
  return body.replace(was, is)
}

function eventVectors(): IngestVectors["events"] {
  const trace = text(encodeEvent(eventOf("trace_claim", claims)))
  const most = Array.from({ length: 256 }, () => claims.calls[1] as (typeof claims.calls)[number])
  const vouched = text(
    encodeEvent(eventOf("attestation", { ...range, statement_sha256: "34".repeat(32) })),
  )
  const call = JSON.stringify({ event_hash: null, span_sha256: last, verdict: "no-receipt" })
  const full = text(encodeEvent(eventOf("trace_claim", { ...claims, calls: most })))
  return {
    accepted: [
      { why: "calls of a trace", body: trace },
      { why: "as many calls as an event holds", body: full },
      { why: "an attestation", body: vouched },
    ],
    refused: [
      { why: "one call more", body: full.replace(call, `${call},${call}`) },
      { why: "a trace without a call", body: edited(trace, JSON.stringify(claimsJson()), "[]") },
      { why: "an unknown verdict", body: edited(trace, '"correlated"', '"trusted"') },
      { why: "a call without event_hash", body: edited(trace, '"event_hash":null,', "") },
      { why: "a call with a tier", body: edited(trace, "}],", ',"tier":"OBSERVED"}],') },
      {
        why: "a span's hash in capitals",
        body: edited(
          trace,
          last.slice(1) + '","verdict',
          `${last.toUpperCase().slice(1)}","verdict`,
        ),
      },
      {
        why: "a trace that the gateway saw",
        body: edited(trace, '"ingest"', '"gateway:loopback"'),
      },
      { why: "a trace by the owner", body: edited(trace, '"ingest"', '"owner"') },
      {
        why: "a trace that reports something",
        body: edited(trace, '"reported":{}', '"reported":{"level":5}'),
      },
      {
        why: "an attestation that came in as a claim",
        body: edited(vouched, '"owner"', '"ingest"'),
      },
      {
        why: "an attestation of a negative place",
        body: edited(vouched, '"first_aseq":3', '"first_aseq":-1'),
      },
      {
        why: "an attestation without its statement",
        body: edited(vouched, `,"statement_sha256":"${"34".repeat(32)}"`, ""),
      },
      {
        why: "an attestation with a level",
        body: edited(vouched, '"last_aseq":4', '"last_aseq":4,"level":5'),
      },
    ],
  }
}

function claimsJson(): unknown {
  return claims.calls.map(({ event_hash, span_sha256, verdict }) => ({
    event_hash,
    span_sha256,
    verdict,
  }))
}

function statementVectors(): IngestVectors["statements"] {
  const statement = text(encodeAttestation(attestation))
  const single = { ...attestation, last_aseq: 3, last_event_hash: first }
  return {
    accepted: [
      { why: "a range of two events", statement },
      { why: "a single event", statement: text(encodeAttestation(single)) },
    ],
    refused: [
      {
        why: "a range that ends before it begins",
        statement: edited(statement, '"first_aseq":3', '"first_aseq":5'),
      },
      { why: "no reason", statement: edited(statement, "our own tests", "") },
      {
        why: "a reason that is too long",
        statement: edited(statement, "our own tests", "x".repeat(501)),
      },
      {
        why: "another type of predicate",
        statement: edited(statement, "urn:amc:attestation:v1", "urn:amc:run:v1"),
      },
      {
        why: "another event as its subject",
        statement: edited(statement, `"sha256":"${last}"`, `"sha256":"${first}"`),
      },
      {
        why: "another range as its subject",
        statement: edited(statement, "coder/3-4", "coder/3-9"),
      },
      {
        why: "another agent as its subject",
        statement: edited(statement, "main/coder", "main/other"),
      },
      {
        why: "a second subject",
        statement: edited(
          statement,
          '"subject":[',
          `"subject":[{"digest":{"sha256":"${last}"},"name":"main/coder/0-9"},`,
        ),
      },
      {
        why: "a tier in it",
        statement: edited(statement, '"reason"', '"tier":"OBSERVED","reason"'),
      },
      { why: "the lane left out", statement: edited(statement, '"lane":"main",', "") },
      { why: "an agent's name with a slash", statement: statement.replaceAll("coder", "a/b") },
    ],
  }
}

function attestedVectors(): readonly Attested[] {
  const { signers, keyring } = makeWorld(seed)
  const vouched = (said: Partial<Attestation> = {}, signer: Signer = signers.auditor): Uint8Array =>
    signAttestation({ ...attestation, ...said }, signer)
  const attested = (why: string, envelope: Uint8Array | null, named = envelope): Attested => {
    const statement_sha256 = named === null ? first : sha256Hex(named)
    const event = eventOf("attestation", { ...range, statement_sha256 })
    const found = attestationFindings(event, envelope, { keyring, subject: "event 9" })
    const findings = found.map(({ code, tampered }) => ({ code, tampered: tampered === true }))
    const shown = envelope === null ? null : text(envelope)
    return { why, event: text(encodeEvent(event)), envelope: shown, findings }
  }
  const other = utf8(text(encodeAttestation(attestation)).replace("attestation:v1", "run:v1"))
  return [
    attested("the auditor signed what the event says", vouched()),
    attested("for another reason, which is the auditor's own", vouched({ reason: "seen" })),
    attested("without an envelope", null),
    attested("signed by the monitor", vouched({}, signers.monitor)),
    attested(
      "signed by another owner's auditor",
      vouched({}, makeWorld("stranger").signers.auditor),
    ),
    attested("of another workspace", vouched({ workspace: "other" })),
    attested("of another agent", vouched({ agent: "other" })),
    attested("of another lane", vouched({ lane: "other" })),
    attested("of an earlier beginning", vouched({ first_aseq: 0 })),
    attested("of a later end", vouched({ last_aseq: 9 })),
    attested("of another event at the beginning", vouched({ first_event_hash: last })),
    attested("of another event at the end", vouched({ last_event_hash: first })),
    attested("not the envelope that the event names", vouched(), vouched({ reason: "seen" })),
    attested(
      "a statement about something else",
      encodeEnvelope(signEnvelope(STATEMENT_PAYLOAD_TYPE, other, [signers.auditor])),
    ),
    attested("no envelope at all", utf8("{}")),
  ]
}

/** The vectors of spec/ingest.md and of spec/trace.md's events. */
export function ingestVectors(): IngestVectors {
  const { kid, raw } = makeWorld(seed).signers.auditor.key
  return {
    about:
      "events: bodies by their schema alone. statements: what an auditor signs. attested: an event with the envelope that is its payload; a verifier whose root certified this auditor finds these.",
    seed,
    auditor: { kid, public_key: Buffer.from(raw).toString("hex") },
    events: eventVectors(),
    statements: statementVectors(),
    attested: attestedVectors(),
  }
}

/** `node packages/verify/src/ingest-vectors.fixture.ts` writes spec/vectors/ingest.json anew. */
if (import.meta.main)
  writeFileSync(ingestVectorsFile, `${JSON.stringify(ingestVectors(), null, 2)}\n`)
