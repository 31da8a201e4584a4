import { randomBytes } from "node:crypto"
import { join } from "node:path"
import { writeFileSync } from "node:fs"
import { startModelServer } from "../../examples/model-server/src/server.ts"
import { amcJson } from "./amc.ts"
import { makePlace, type Place } from "./place.ts"

/** A place with a workspace, and the scripted model as its provider `scripted`. */
export interface TestWorkspace extends Place {
  /** `sha256:…` of root 1. */
  readonly root: string
  /** The id that `init` gave it. */
  readonly workspace: string
  /** The `.amc` folder. */
  readonly dir: string
  readonly providerKey: string
  close(): Promise<void>
}

/** Makes a workspace by the commands that a person would type. Close it. */
export async function makeWorkspace(place: Place = makePlace()): Promise<TestWorkspace> {
  const providerKey = `sk-scripted-${randomBytes(24).toString("base64url")}`
  const socketPath = join(place.top, "model.sock")
  const server = await startModelServer({ apiKey: providerKey, socketPath })
  const { root, workspace, dir } = (await amcJson(place, ["init"])).data as {
    root: string
    workspace: string
    dir: string
  }
  const made = {
    ...place,
    root,
    workspace,
    dir,
    providerKey,
    close: () => server.close().then(() => place.remove()),
  }
  await addProvider(made, "scripted", { socketPath })
  return made
}

/** Lets the gateway forward to a server of the test's. */
export async function addProvider(
  place: Place & { readonly providerKey: string },
  id: string,
  at: { readonly socketPath: string } | { readonly origin: string },
): Promise<void> {
  const keyFile = join(place.top, "provider.key")
  writeFileSync(keyFile, place.providerKey, { mode: 0o600 })
  const where =
    "origin" in at
      ? ["--upstream", at.origin]
      : ["--upstream", "http://localhost", "--socket", at.socketPath]
  const words = ["provider", "add", id, ...where, "--key-file", keyFile]
  const { ok, findings } = await amcJson(place, words)
  if (!ok) throw new Error(JSON.stringify(findings))
}
