import { execFile } from "node:child_process"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { text, utf8 } from "@amc/core"
import { expect, test } from "vitest"
import { temporaryFolder } from "./folder.fixture.ts"
import { lowestKdfCost } from "./kdf.ts"
import { vaultState } from "./stored-vault.ts"
import { changeSlot, createVault } from "./vault.ts"

const run = promisify(execFile)
const fixture = fileURLToPath(new URL("crash.fixture.ts", import.meta.url))
const passphrase = utf8("m")
const commit = ["writeFileSync", "fsyncSync", "closeSync", "renameSync", "openSync", "fsyncSync"]

interface Outcome {
  readonly secret: string
  readonly signal: string | undefined
  readonly steps: readonly string[]
}

/** Changes a vault from "old" to "new" in a process that dies at a step; then changes it once more. */
async function crashAt(step: number, vault: Uint8Array): Promise<Outcome> {
  const folder = temporaryFolder()
  const path = join(folder, "vault.amcvault")
  writeFileSync(path, vault, { mode: 0o600 })
  const { stdout, signal } = (await run(process.execPath, [fixture, path, String(step)]).catch(
    (failure: { stdout: string; signal?: string }) => failure,
  )) as { stdout: string; signal?: string }
  const { generation } = vaultState(path)
  let secret = ""
  const after = await changeSlot(path, "monitor", passphrase, (secrets) => {
    secret = text(secrets.get("key/x")!)
    return new Map([["key/x", utf8("after")]])
  })
  expect(after).toEqual({ ...vaultState(path), generation: generation + 1 })
  expect(readdirSync(folder)).toEqual(["vault.amcvault"])
  return { secret, signal, steps: stdout === "" ? [] : (JSON.parse(stdout) as string[]) }
}

async function oldVault(): Promise<Uint8Array> {
  const path = join(temporaryFolder(), "vault.amcvault")
  const secrets = new Map([["key/x", utf8("old")]])
  await createVault(path, { monitor: { passphrase, secrets } }, lowestKdfCost)
  return readFileSync(path)
}

test("V08 a rewrite killed at any step leaves the old vault or the new one, and the next one works", async () => {
  const vault = await oldVault()
  const { steps, secret } = await crashAt(0, vault)
  expect(secret).toBe("new")
  expect(steps.join().includes(commit.join())).toBe(true)
  const renameAt = steps.indexOf("renameSync") + 1
  expect(steps.length).toBeGreaterThan(10)
  const crash = async (step: number): Promise<void> => {
    const { signal, secret } = await crashAt(step, vault)
    expect(signal, `killed at ${step}`).toBe("SIGKILL")
    expect(secret, `killed at ${step}`).toBe(step <= renameAt ? "old" : "new")
  }
  for (let step = 1; step <= steps.length; step += 2)
    await Promise.all([crash(step), step < steps.length ? crash(step + 1) : undefined])
})
