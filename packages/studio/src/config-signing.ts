import { existsSync } from "node:fs"
import { join } from "node:path"
import {
  AmcError,
  isFault,
  malformed,
  parseConfig,
  parseEnvelope,
  parseSignedFile,
  sha256Hex,
  STATEMENT_PAYLOAD_TYPE,
  verifyEnvelope,
  type WorkspaceConfig,
} from "@amc/core"
import { configEvent, openCapture } from "./capture.ts"
import { changedLines } from "./changed-lines.ts"
import { type ConfigRecord, nothingRecorded, readConfigRecord } from "./config-history.ts"
import { judgeConfigs } from "./config-list.ts"
import { hasLedger } from "./ledger-reader.ts"
import { readConfigBytes } from "./config-place.ts"
import { readSignature } from "./config-signature.ts"
import type { JudgedConfig } from "./judged-config.ts"
import { signConfigBytes } from "./signed-config.ts"
import { readSignedCopy } from "./signed-copies.ts"
import { type Workspace, workspaceConfigPath } from "./workspace.ts"

/** What is going to be signed: exactly these bytes, as this version. */
export interface SigningPlan {
  readonly path: string
  readonly bytes: Uint8Array
  readonly sha256: string
  readonly version: number
  readonly expiresMs: number | null
  /** What was signed last, by the ledger or by the signature that is there. */
  readonly last: LastSigned | null
  /** Lines that went and came since; null where what was signed last is not known here. */
  readonly changes: readonly string[] | null
}

interface LastSigned {
  readonly version: number
  readonly sha256: string
}

export interface SigningTerms {
  /** Paths under `.amc`; all that lack a valid signature, or a repair, if there are none. */
  readonly paths: readonly string[]
  readonly expiresDays: number | null
  readonly clock: () => number
}

const dayMs = 86_400_000

/**
 * Says what would be signed, and that each file may say what it says. Nothing is written.
 *
 * @throws {@link AmcError} `usage/invalid` for a file of no kind, `workspace/missing` for one that is not
 * there, `input/malformed`, `input/too-large`
 */
export async function planSigning(
  workspace: Workspace,
  { paths, expiresDays, clock }: SigningTerms,
): Promise<readonly SigningPlan[]> {
  const record = hasLedger(workspace) ? await readConfigRecord(workspace) : nothingRecorded
  const chosen =
    paths.length > 0 ? [...new Set(paths)] : needingSignature(workspace, record, clock())
  const expiresMs = expiresDays === null ? null : clock() + expiresDays * dayMs
  return chosen.map((path) => planOf(workspace, path, record, expiresMs))
}

/**
 * Signs what was planned and records it, which also repairs what was broken (F2). The bytes that are
 * signed are those of the plan, and they are put in the file's place again.
 *
 * @throws {@link AmcError} `store/conflict`; as {@link openCapture}
 */
export async function signConfigs(
  workspace: Workspace,
  plans: readonly SigningPlan[],
  clock: () => number,
): Promise<readonly JudgedConfig[]> {
  const capture = await openCapture(workspace, { clock, replacesGateway: true })
  try {
    const signed: JudgedConfig[] = []
    for (const { path, bytes, version, expiresMs, last } of plans) {
      if ((capture.configHistory.get(path)?.version ?? 0) >= version)
        throw new AmcError("store/conflict", `${path} was signed by somebody else meanwhile`)
      const terms = { version, previous_sha256: last?.sha256 ?? null, expires_ms: expiresMs }
      const config = await signConfigBytes(workspace, path, bytes, capture.notary, terms)
      await capture.recorder.record(configEvent(config))
      signed.push(config)
    }
    return signed
  } finally {
    await capture.close()
  }
}

function needingSignature(
  workspace: Workspace,
  { history, unrepaired }: ConfigRecord,
  now: number,
): readonly string[] {
  const judged = [...judgeConfigs(workspace, history, now).values()]
  return judged
    .filter(({ path, flaw }) => flaw !== null || unrepaired.has(path))
    .map(({ path }) => path)
    .filter((path) => existsSync(join(workspace.dir, path)))
}

function planOf(
  workspace: Workspace,
  path: string,
  { history }: ConfigRecord,
  expiresMs: number | null,
): SigningPlan {
  const bytes = readConfigBytes(workspace, path)
  checkValue(workspace, path, parseConfig(bytes, path))
  const last = later(history.get(path) ?? null, signedBefore(workspace, path, bytes))
  const before = last === null ? null : readSignedCopy(workspace.dir, last.sha256)
  const sha256 = sha256Hex(bytes)
  return {
    path,
    bytes,
    sha256,
    version: (last?.version ?? 0) + 1,
    expiresMs,
    last,
    changes: last?.sha256 === sha256 ? [] : before === null ? null : changedLines(before, bytes),
  }
}

/** A workspace config that names another workspace or lane could not be opened again. */
function checkValue({ workspace, keyring }: Workspace, path: string, value: unknown): void {
  if (path !== workspaceConfigPath) return
  const config = value as WorkspaceConfig
  if (config.workspace !== workspace)
    throw malformed(`${path}: workspace: it names another workspace than ${workspace}`)
  if (!keyring.lanes().includes(config.lane))
    throw malformed(`${path}: lane: no monitor's key is certified for it`)
}

/** What the signature that is there was made of, whatever became of the file since. */
function signedBefore(place: Workspace, path: string, bytes: Uint8Array): LastSigned | null {
  try {
    const signature = readSignature(place, path, bytes)
    return signature === null ? null : signedIn(place, path, signature)
  } catch (error) {
    if (isFault(error)) return null
    throw error
  }
}

/** What an auditor of the workspace signed of a file by this path; null if the signature is nobody's word of it. */
export function signedIn(
  { keyring, workspace }: Pick<Workspace, "keyring" | "workspace">,
  path: string,
  signature: Uint8Array,
): LastSigned | null {
  try {
    const envelope = parseEnvelope(signature)
    if (verifyEnvelope(envelope, STATEMENT_PAYLOAD_TYPE, keyring.keys("auditor")).size === 0)
      return null
    const { sha256, terms } = parseSignedFile(envelope.payload)
    const isOwn = terms.path === path && terms.workspace === workspace
    return isOwn ? { sha256, version: terms.version } : null
  } catch (error) {
    if (isFault(error)) return null
    throw error
  }
}

function later(a: LastSigned | null, b: LastSigned | null): LastSigned | null {
  return (b?.version ?? 0) > (a?.version ?? 0) ? b : a
}
