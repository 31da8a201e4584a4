import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { planSigning, signConfigs } from "./config-signing.ts"
import { type Place, reopened } from "./workspace.fixture.ts"

const limits = "{max_calls: 5, max_seconds: 60, memory_mib: 256, pids: 64}"
const policy = {
  v: 1,
  id: "release",
  producerRoots: [`sha256:${"ab".repeat(32)}`],
  requireObservedForLevel5: true,
  denyIfLowTrust: true,
}

/** A config file of each kind by its path, in a given workspace. */
export function exampleConfigs(workspace: string): ReadonlyMap<string, string> {
  return new Map([
    ["amc.config.yaml", `v: 1\nworkspace: ${workspace}\nlane: main\n`],
    ["gateway.yaml", "v: 1\nproviders: []\n"],
    ["fleet.yaml", "v: 1\nagents: [{id: a1}]\n"],
    ["agents/a1/agent.config.yaml", `v: 1\nagent: a1\nlimits: ${limits}\n`],
    ["users.yaml", "v: 1\nusers: [{name: ann, role: OWNER}]\n"],
    ["gatePolicy.json", `${JSON.stringify(policy)}\n`],
    ["targets/next.yaml", "v: 1\nagent: a1\nlayers: {Skills: 3}\n"],
    ["retention.yaml", "v: 1\ndays: {llm_request: 30}\n"],
  ])
}

/** The same settings in other bytes. */
export function edited(text: string): string {
  return text.replace("\n", "\n\n")
}

/** Writes a config file as anybody could. */
export function write({ workspace: { dir } }: Place, path: string, text: string): void {
  mkdirSync(join(dir, dirname(path)), { recursive: true })
  writeFileSync(join(dir, path), text)
}

/** Signs config files as the owner does. */
export async function sign(place: Place, ...paths: readonly string[]): Promise<void> {
  // Signatures are told to the ledger, which asks the machine's clock.
  // oxlint-disable-next-line no-restricted-globals
  const clock = Date.now
  const workspace = reopened(place)
  const plans = await planSigning(workspace, { paths, expiresDays: null, clock })
  await signConfigs(workspace, plans, clock)
}
