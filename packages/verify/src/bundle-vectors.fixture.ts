import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { encodeReport, parseReport } from "@amc/score"
import { sealRun, sha256Hex } from "@amc/core"
import { bundleOf, makeRun, openRun, partsOf, sealOf } from "./bundle.fixture.ts"
import { LaneFixture, recordSession } from "./lane.fixture.ts"
import { recordSystem } from "./bundle.fixture.ts"
import { makeWorld, type World } from "./world.fixture.ts"

export const vectorsFolder: string = fileURLToPath(
  new URL("../../../spec/vectors/bundle/", import.meta.url),
)

/** How a refused bundle comes from a file: a changed bit, a shorter file, zeros after it. */
export interface VectorEdit {
  readonly flip_bit?: number
  readonly keep_bytes?: number
  readonly append_zeros?: number
}

export interface BundleCases {
  readonly root_sha256: string
  readonly accepted: readonly {
    readonly file: string
    readonly agent: string
    readonly run_id: string
    readonly events: number
  }[]
  readonly refused: readonly {
    readonly why: string
    readonly file: string
    readonly edit?: VectorEdit
    readonly code: string
    readonly exit: number
  }[]
}

/** The vectors of spec/bundle.md: files by name, and what a verifier must say of them. */
export async function bundleVectors(): Promise<{
  files: ReadonlyMap<string, Uint8Array>
  cases: BundleCases
}> {
  const world = makeWorld("vectors")
  const run = makeSmallRun(world)
  const parts = partsOf(run)
  const [lane] = parts.lanes
  if (lane === undefined) throw new Error("a run has a lane")
  const honest = sealOf(run, parts.report, parts.checkpoint)
  const auditor = world.signers.auditor
  const forged = encodeReport({ ...parseReport(parts.report), trust_label: "HIGH TRUST" })
  const earlier = { from_ms: honest.run.window.from_ms + 20, to_ms: honest.run.window.to_ms }
  const stranger = makeWorld("stranger")
  const made = {
    "valid.amcbundle": parts,
    "dropped-event.amcbundle": {
      ...parts,
      lanes: [
        {
          ...lane,
          agentLeaves: lane.agentLeaves.toSpliced(3, 1),
          proofs: lane.proofs.toSpliced(5, 1),
        },
      ],
    },
    "forged-report.amcbundle": {
      ...parts,
      report: forged,
      seal: sealRun({ ...honest, reportSha256: sha256Hex(forged) }, auditor),
    },
    "shrunk-window.amcbundle": {
      ...parts,
      seal: sealRun({ ...honest, run: { ...honest.run, window: earlier } }, auditor),
    },
    "unknown-engine.amcbundle": {
      ...parts,
      seal: sealRun({ ...honest, run: { ...honest.run, engine: "amc-score/v999" } }, auditor),
    },
    "unsigned-config.amcbundle": {
      ...parts,
      configs: parts.configs.map((config) => ({ ...config, path: "new.yaml", signature: null })),
    },
  }
  const files = new Map<string, Uint8Array>()
  for (const [name, of] of Object.entries(made)) files.set(name, await bundleOf(of, world))
  files.set("stranger.amcbundle", await bundleOf(partsOf(makeSmallRun(stranger)), stranger))
  return {
    files,
    cases: casesOf(world, files.get("valid.amcbundle") as Uint8Array, run.lane.leaves.length),
  }
}

function casesOf(world: World, valid: Uint8Array, events: number): BundleCases {
  const file = "valid.amcbundle"
  return {
    root_sha256: world.rootSha256,
    accepted: [{ file, agent: "coder", run_id: "run-1", events }],
    refused: [
      {
        why: "a bit of an archive header changed",
        file,
        edit: { flip_bit: 8 * 100 },
        code: "bundle/malformed",
        exit: 1,
      },
      {
        why: "a bit of the checkpoint changed",
        file,
        edit: { flip_bit: 8 * 520 },
        code: "bundle/digest-mismatch",
        exit: 4,
      },
      {
        why: "the end is missing",
        file,
        edit: { keep_bytes: valid.length - 512 },
        code: "bundle/malformed",
        exit: 1,
      },
      {
        why: "something follows the end",
        file,
        edit: { append_zeros: 512 },
        code: "bundle/malformed",
        exit: 1,
      },
      {
        why: "nothing is left of it",
        file,
        edit: { keep_bytes: 0 },
        code: "bundle/malformed",
        exit: 1,
      },
      {
        why: "an event of the agent was left out",
        file: "dropped-event.amcbundle",
        code: "ledger/agent-broken",
        exit: 4,
      },
      {
        why: "the evidence gives another report, although the auditor sealed this one",
        file: "forged-report.amcbundle",
        code: "run/not-reproducible",
        exit: 4,
      },
      {
        why: "the window was shrunk afterwards",
        file: "shrunk-window.amcbundle",
        code: "run/seal-contradicted",
        exit: 4,
      },
      {
        why: "the engine is not known",
        file: "unknown-engine.amcbundle",
        code: "score/unknown-engine",
        exit: 3,
      },
      {
        why: "a config is not signed",
        file: "unsigned-config.amcbundle",
        code: "config/unsigned",
        exit: 1,
      },
      {
        why: "it is sound, and by somebody whose root is not the pinned one",
        file: "stranger.amcbundle",
        code: "bundle/unknown-root",
        exit: 1,
      },
    ],
  }
}

function makeSmallRun(world: World): ReturnType<typeof makeRun> {
  const lane = new LaneFixture(world)
  recordSystem(lane)
  recordSession(lane, "s-0", true, 1)
  return { world, lane, runOpened: openRun(lane) }
}

/** `node packages/verify/src/bundle-vectors.fixture.ts` writes the vectors anew. */
if (import.meta.main) {
  const { files, cases } = await bundleVectors()
  mkdirSync(vectorsFolder, { recursive: true })
  for (const [name, bytes] of files) writeFileSync(join(vectorsFolder, name), bytes)
  writeFileSync(join(vectorsFolder, "cases.json"), `${JSON.stringify(cases, null, 2)}\n`)
}
