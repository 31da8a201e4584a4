import {
  AmcError,
  type ClaimsFile,
  isFault,
  parseClaimsFile,
  type Recorded,
  type Recorder,
  sha256Hex,
} from "@amc/core"
import type { SecretScanner } from "@amc/gateway"
import { readBoundedFile } from "./bounded-file.ts"
import { masked } from "./ingest/lease-mask.ts"

const claimsSizeMax = 1 << 20

/** What came of a file of claims. */
export interface RecordedClaims {
  readonly recorded: Recorded
  readonly file: ClaimsFile
}

export interface ClaimsTerms {
  readonly agent: string
  readonly path: string
  /** What is masked in the file before it is stored. */
  readonly secrets: SecretScanner
}

/**
 * Records what somebody claims of an agent, as SELF_REPORTED: one event, with the file as its payload. It is
 * shown beside the evidence and raises nothing (S11).
 *
 * @throws {@link AmcError} `input/unreadable`, `input/malformed`, `input/too-large`
 */
export async function recordClaims(
  recorder: Recorder,
  { agent, path, secrets }: ClaimsTerms,
): Promise<RecordedClaims> {
  const bytes = readBoundedFile(path, claimsSizeMax, "input/unreadable")
  const file = parse(bytes, path)
  const { by, overall = null, claims } = file
  const source = sha256Hex(bytes)
  const recorded = await recorder.record({
    type: "claim",
    channel: "ingest",
    agent,
    session: null,
    facts: {
      measured: { source_sha256: source },
      reported: { by, overall, levels: claims.map(({ question, level }) => ({ question, level })) },
    },
    payload: {
      sha256: source,
      size: bytes.length,
      media: "application/yaml",
      blob: masked(bytes, secrets),
    },
  })
  return { recorded, file }
}

function parse(bytes: Uint8Array, path: string): ClaimsFile {
  try {
    return parseClaimsFile(bytes, path)
  } catch (cause) {
    if (!isFault(cause)) throw cause
    const hint = "docs/scoring.md shows what a claims file looks like"
    throw new AmcError(cause.code, cause.message, { cause, hint })
  }
}
