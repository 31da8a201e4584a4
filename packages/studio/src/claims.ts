import { readFileSync } from "node:fs"
import { AmcError, type Recorder, sha256Hex } from "@amc/core"
import { z } from "zod"

const claimsSizeMax = 1 << 20

const schema = z.strictObject({
  schema: z.literal("amc.claims/v1"),
  claims: z
    .array(
      z.strictObject({
        question: z.string().max(200),
        level: z.int().min(0).max(5),
        text: z.string().max(200).default(""),
      }),
    )
    .max(1000),
})

/**
 * Records what somebody claims of an agent, as SELF_REPORTED: it is shown beside the evidence and
 * raises nothing (S11).
 *
 * @throws {@link AmcError} `input/unreadable`, `input/malformed`, `input/too-large`
 */
export async function ingestClaims(
  recorder: Recorder,
  agent: string,
  path: string,
): Promise<number> {
  const bytes = read(path)
  if (bytes.length > claimsSizeMax)
    throw new AmcError("input/too-large", `${path} is longer than ${claimsSizeMax} bytes`)
  const parsed = schema.safeParse(parseJson(bytes, path))
  if (!parsed.success)
    throw refused(
      `${path}: ${parsed.error.issues[0]?.path.join(".")}: ${parsed.error.issues[0]?.message}`,
    )
  const { claims } = parsed.data
  const source = sha256Hex(bytes)
  const recordings = claims.map((reported, entry) =>
    recorder.record({
      type: "ingest",
      channel: "ingest",
      agent,
      session: null,
      facts: { measured: { source_sha256: source, entry, entries: claims.length }, reported },
    }),
  )
  await Promise.all(recordings)
  return claims.length
}

function read(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path))
  } catch (cause) {
    throw new AmcError("input/unreadable", `the claims file ${path} can't be read`, { cause })
  }
}

function parseJson(bytes: Uint8Array, path: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
  } catch (cause) {
    throw refused(`${path} is not JSON`, cause)
  }
}

function refused(message: string, cause?: unknown): AmcError {
  return new AmcError("input/malformed", message, {
    cause,
    hint: "docs/scoring.md shows what a claims file looks like",
  })
}
