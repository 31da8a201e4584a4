import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { readTrustFiles } from "@amc/vault"
import { afterAll, beforeAll, expect, test } from "vitest"
import { StateHome } from "../state-home.ts"
import { rememberTrust } from "../verifier-memory.ts"
import { newPlace, now, type Place, temporaryFolder } from "../workspace.fixture.ts"
import { type GateFiles, gateHere } from "./gate-here.ts"
import { policyDraft } from "./policy-draft.ts"
import { signPolicy } from "./policy-signing.ts"

let consumer: Place
let producer: Place
let asked: GateFiles
let easy: GateFiles
beforeAll(async () => {
  ;[consumer, producer] = await Promise.all([newPlace(), newPlace()])
  ;[asked, easy] = [await policyOf(consumer), await policyOf(producer)]
})
afterAll(() => {
  for (const { top } of [consumer, producer]) rmSync(top, { recursive: true, force: true })
})

function draft(path: string): string {
  const producerRoots = [`sha256:${producer.workspace.rootSha256}`]
  return policyDraft(path, { id: "release", producerRoots, agents: [] })
}

async function policyOf({ folder, workspace }: Place): Promise<GateFiles> {
  const path = join(folder, "release.yaml")
  writeFileSync(path, draft(path))
  await signPolicy(workspace, { path, expiresDays: null, nowMs: now })
  return {
    bundle: new Uint8Array(),
    policyName: "release.yaml",
    policy: readFileSync(path),
    signature: readFileSync(`${path}.sig`),
    policyTrust: readFileSync(`${path}.trust.json`),
  }
}

test("who is known by bundles alone signs no policy that counts", async () => {
  const state = new StateHome({ XDG_STATE_HOME: temporaryFolder() })
  const terms = { state, nowMs: now, atMs: now, warn: () => undefined, policyRoot: null }
  const { rootSha256, dir } = producer.workspace
  rememberTrust(state, { rootSha256, ...readTrustFiles(dir), pins: [] })
  await expect(gateHere(easy, terms)).rejects.toMatchObject({ code: "usage/invalid" })
  const own = { rootSha256: consumer.workspace.rootSha256 }
  await gateHere(asked, { ...terms, policyRoot: own })
  const root = `sha256:${own.rootSha256}`
  expect((await gateHere(asked, terms)).policy?.summary).toMatchObject({ root })
  await expect(gateHere(easy, terms)).rejects.toMatchObject({ code: "usage/invalid" })
})
