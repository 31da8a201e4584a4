import {
  type Attestation,
  type EventBody,
  sha256Hex,
  signAttestation,
  type Signer,
} from "@amc/core"
import { expect, test } from "vitest"
import { attestationFindings } from "./attestation-check.ts"
import { makeWorld, startMs, workspace } from "./world.fixture.ts"

const world = makeWorld()
const hex = "ab".repeat(32)
const range = {
  lane: "main",
  first_aseq: 3,
  last_aseq: 4,
  first_event_hash: hex,
  last_event_hash: "cd".repeat(32),
}
const attestation: Attestation = { workspace, agent: "coder", ...range, reason: "seen" }
const signed = (
  said: Partial<Attestation> = {},
  signer: Signer = world.signers.auditor,
): Uint8Array => signAttestation({ ...attestation, ...said }, signer)

function findings(envelope: Uint8Array | null): unknown {
  const event: EventBody<"attestation"> = {
    v: 1,
    type: "attestation",
    channel: "owner",
    lane: "main",
    lseq: 9,
    lprev: hex,
    id: "01980000-0000-7000-8000-000000000001",
    ts: startMs + 1000,
    agent: "coder",
    aseq: 5,
    aprev: hex,
    session: null,
    payload: null,
    facts: {
      measured: { ...range, statement_sha256: envelope === null ? hex : sha256Hex(envelope) },
      reported: {},
    },
    kid: hex,
  }
  const found = attestationFindings(event, envelope, { keyring: world.keyring, subject: "event 9" })
  return found.map(({ code, tampered }) => ({ code, tampered }))
}

test("R3: an attestation counts with the auditor's word of the same", () => {
  expect(findings(signed())).toEqual([])
})

test.each([
  { why: "no word at all", envelope: null, tampered: false },
  { why: "the monitor's word", envelope: signed({}, world.signers.monitor), tampered: false },
  { why: "another owner's", envelope: signed({}, makeWorld("x").signers.auditor), tampered: false },
  { why: "another agent's range", envelope: signed({ agent: "other" }), tampered: true },
  { why: "a shorter range", envelope: signed({ last_aseq: 3 }), tampered: true },
  { why: "another event", envelope: signed({ first_event_hash: "ee".repeat(32) }), tampered: true },
  { why: "another workspace", envelope: signed({ workspace: "other" }), tampered: true },
  { why: "words", envelope: new TextEncoder().encode("{}"), tampered: false },
])("R3: an attestation with $why raises nothing and is found", ({ envelope, tampered }) => {
  expect(findings(envelope)).toEqual([{ code: "ledger/attestation", tampered }])
})
