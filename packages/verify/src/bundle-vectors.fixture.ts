import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { encodeReport, parseReport } from "@amc/score"
import { equalBytes, sealRun, sha256Hex, utf8 } from "@amc/core"
import {
  bundleOf,
  configBytes,
  configPath,
  configSignature,
  openRun,
  partsOf,
  proofsOf,
  recordChange,
  recordSystem,
  type RunFixture,
  sealOf,
} from "./bundle.fixture.ts"
import { LaneFixture, recordSession, signedTogether } from "./lane.fixture.ts"
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
  const later = utf8("v: 1\nproviders: [] # a later version\n")
  const made = {
    "valid.amcbundle": parts,
    "later-config.amcbundle": {
      ...parts,
      configs: [
        {
          path: configPath,
          bytes: later,
          signature: configSignature(world, { version: 2 }, later),
        },
      ],
    },
    "shared-signatures.amcbundle": {
      ...parts,
      lanes: [
        {
          ...lane,
          agentLeaves: signedTogether(lane.agentLeaves, world.signers.monitor, 4),
          systemLeaves: signedTogether(lane.systemLeaves, world.signers.monitor, 4),
        },
      ],
    },
    "swapped-signature.amcbundle": {
      ...parts,
      lanes: [
        {
          ...lane,
          agentLeaves: lane.agentLeaves.map((leaf, at, all) =>
            at === 3 ? { ...leaf, signature: all[4]?.signature ?? "" } : leaf,
          ),
        },
      ],
    },
    "missing-config.amcbundle": { ...parts, configs: [] },
    "rolled-back-config.amcbundle": partsOf(
      makeSmallRun(world, {
        system: (made) => {
          recordChange(made, { path: configPath, sha256: sha256Hex(later), version: 2 })
          recordChange(made, { path: configPath, sha256: sha256Hex(configBytes), version: 1 })
        },
      }),
    ),
    "monitor-config.amcbundle": partsOf(
      makeSmallRun(world, {
        system: (made) =>
          recordChange(made, {
            path: configPath,
            sha256: sha256Hex(later),
            version: 2,
            envelope: null,
          }),
      }),
    ),
    "hidden-system.amcbundle": partsOf(
      makeSmallRun(world, { heads: (made) => made.heads().slice(0, 1) }),
    ),
    "narrow-window.amcbundle": partsOf(makeSmallRun(world, { windowMs: 60_000 })),
    "dropped-event.amcbundle": {
      ...parts,
      lanes: [
        {
          ...lane,
          agentLeaves: lane.agentLeaves.toSpliced(3, 1),
          proofs: proofsOf(run.lane, lane.proofs.indices.toSpliced(5, 1)),
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
  const confused = { ...world.signers, release: auditor }
  files.set("auditor-list.amcbundle", await bundleOf(parts, { signers: confused }))
  files.set("stranger.amcbundle", await bundleOf(partsOf(makeSmallRun(stranger)), stranger))
  return {
    files,
    cases: casesOf(world, {
      valid: files.get("valid.amcbundle") as Uint8Array,
      checkpoint: utf8(parts.checkpoint),
      events: run.lane.leaves.length,
    }),
  }
}

/** Where a file of an archive begins. */
function placeOf(archive: Uint8Array, file: Uint8Array): number {
  for (let at = 0; at < archive.length; at += 512)
    if (equalBytes(archive.subarray(at, at + file.length), file)) return at
  throw new Error("the file is not in the archive")
}

interface HonestBundle {
  readonly valid: Uint8Array
  readonly checkpoint: Uint8Array
  readonly events: number
}

function casesOf(world: World, { valid, checkpoint, events }: HonestBundle): BundleCases {
  const file = "valid.amcbundle"
  return {
    root_sha256: world.rootSha256,
    accepted: [file, "later-config.amcbundle", "shared-signatures.amcbundle"].map((accepted) => ({
      file: accepted,
      agent: "coder",
      run_id: "run-1",
      events,
    })),
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
        edit: { flip_bit: 8 * placeOf(valid, checkpoint) },
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
        why: "an event has the signature of another one",
        file: "swapped-signature.amcbundle",
        code: "ledger/signature-invalid",
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
        why: "the list of files was signed by the auditor",
        file: "auditor-list.amcbundle",
        code: "bundle/sums-signature",
        exit: 1,
      },
      {
        why: "a config is not signed",
        file: "unsigned-config.amcbundle",
        code: "config/unsigned",
        exit: 1,
      },
      {
        why: "a config that steered the run is not there",
        file: "missing-config.amcbundle",
        code: "bundle/config-missing",
        exit: 1,
      },
      {
        why: "the monitor put an older config in force",
        file: "rolled-back-config.amcbundle",
        code: "config/rolled-back",
        exit: 4,
      },
      {
        why: "the monitor alone says that a config changed",
        file: "monitor-config.amcbundle",
        code: "ledger/config-change",
        exit: 1,
      },
      {
        why: "the run does not say where the system's chain stood",
        file: "hidden-system.amcbundle",
        code: "run/heads",
        exit: 4,
      },
      {
        why: "the run's window is a minute",
        file: "narrow-window.amcbundle",
        code: "run/window",
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

function makeSmallRun(world: World, terms: SmallRunTerms = {}): RunFixture {
  const lane = new LaneFixture(world)
  recordSystem(lane)
  terms.system?.(lane)
  recordSession(lane, "s-0", true, 1)
  const heads = terms.heads?.(lane)
  return { world, lane, runOpened: openRun(lane, "run-1", heads, terms.windowMs) }
}

interface SmallRunTerms {
  /** What else is recorded on the system's chain. */
  readonly system?: (lane: LaneFixture) => void
  readonly heads?: (lane: LaneFixture) => ReturnType<LaneFixture["heads"]>
  readonly windowMs?: number
}

/** `node packages/verify/src/bundle-vectors.fixture.ts` writes the vectors anew. */
if (import.meta.main) {
  const { files, cases } = await bundleVectors()
  mkdirSync(vectorsFolder, { recursive: true })
  for (const [name, bytes] of files) writeFileSync(join(vectorsFolder, name), bytes)
  writeFileSync(join(vectorsFolder, "cases.json"), `${JSON.stringify(cases, null, 2)}\n`)
}
