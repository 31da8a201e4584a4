import { cpSync, mkdirSync } from "node:fs"
import { basename, join } from "node:path"
import { amcJson } from "./amc.ts"
import type { Place } from "./place.ts"
import type { TestWorkspace } from "./workspace.ts"

/** A sealed run of an agent that makes one call, and its bundle. */
export async function scoredRun(
  own: TestWorkspace,
): Promise<{ readonly runId: string; readonly bundle: string }> {
  own.write(
    "agent.mjs",
    'await fetch(process.env.OPENAI_BASE_URL + "/models", { headers: { authorization: "Bearer " + process.env.OPENAI_API_KEY } })',
  )
  const words = ["score", "--agent", "a", "--provider", "scripted", "--sessions", "1", "--"]
  const { exit, stderr, data } = await amcJson(own, [...words, "node", "agent.mjs"])
  if (exit !== 0) throw new Error(stderr)
  return { runId: data.report.run_id, bundle: data.bundle }
}

/** What a bundle of the scripted model passes, whose upstream is on this machine, and further rules. */
export function policyText(producerRoot: string, rules = "", id = "release"): string {
  return `v: 1\nid: ${id}\nproducerRoots: [${producerRoot}]\nrequireObservedForLevel5: true\ndenyIfLowTrust: false\nallowLoopbackUpstreams: true\n${rules}`
}

/** Writes and signs a policy. Gives its path. */
export async function signedPolicy(by: Place, name: string, text: string): Promise<string> {
  const path = by.write(name, text)
  const { exit, stderr } = await amcJson(by, ["policy", "sign", path])
  if (exit !== 0) throw new Error(stderr)
  return path
}

/** Hands a policy's three files to another place. Gives its path there. */
export function handedPolicy(path: string, to: string): string {
  mkdirSync(to, { recursive: true })
  const target = join(to, basename(path))
  for (const end of ["", ".sig", ".trust.json"]) cpSync(`${path}${end}`, `${target}${end}`)
  return target
}
