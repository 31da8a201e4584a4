import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { agentId, AmcError, count, hex32 } from "@amc/core"
import type { PolicyHistory } from "@amc/verify"
import { z } from "zod"
import { replaceFile } from "../replaced-file.ts"
import { makePrivateFolder, type StateHome } from "../state-home.ts"

const policiesMax = 1000

const schema = z.strictObject({
  schema: z.literal("amc.known-policies/v1"),
  policies: z
    .array(z.strictObject({ id: agentId, version: count, sha256: hex32 }))
    .max(policiesMax),
})

/**
 * The newest version of each policy that this machine accepted under a consumer's root, by id.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function recallPolicies(state: StateHome, rootSha256: string): PolicyHistory {
  const path = memoryPath(state, rootSha256)
  if (!existsSync(path)) return new Map()
  try {
    const { policies } = schema.parse(JSON.parse(readFileSync(path, "utf8")))
    return new Map(policies.map(({ id, version, sha256 }) => [id, { version, sha256 }]))
  } catch (cause) {
    throw new AmcError("input/malformed", `${path} can't be read as the policies that were seen`, {
      cause,
      hint: "remove it to forget them; older versions then count again",
    })
  }
}

/** Remembers a policy that was accepted. @throws {@link AmcError} `workspace/unwritable` */
export function rememberPolicy(
  state: StateHome,
  rootSha256: string,
  {
    id,
    version,
    sha256,
  }: { readonly id: string; readonly version: number; readonly sha256: string },
): void {
  const known = recallPolicies(state, rootSha256)
  if (known.get(id)?.version === version) return
  const policies = [...new Map([...known, [id, { version, sha256 }]])]
    .map(([of, seen]) => ({ id: of, ...seen }))
    .slice(-policiesMax)
  makePrivateFolder(join(state.dir, "policies"))
  const text = `${JSON.stringify({ schema: "amc.known-policies/v1", policies })}\n`
  replaceFile(memoryPath(state, rootSha256), text)
}

function memoryPath(state: StateHome, rootSha256: string): string {
  return join(state.dir, "policies", `${rootSha256}.json`)
}
