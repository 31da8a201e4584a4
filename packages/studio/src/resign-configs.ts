import { sha256Hex } from "@amc/core"
import { checkConfig } from "@amc/verify"
import { type Capture, configEvent } from "./capture.ts"
import { allConfigs } from "./config-list.ts"
import { signConfigBytes } from "./signed-config.ts"

/**
 * Signs every config file that counts now once more, as its next version, by the auditor's key of today.
 * What does not count is left as it is: to sign it would be to approve it.
 *
 * @throws {@link AmcError} `vault/locked`, `workspace/unwritable`
 */
export async function resignConfigs(capture: Capture): Promise<void> {
  const { workspace, notary, recorder, configHistory: history, clock } = capture
  const { keyring } = workspace
  const [atMs, auditors] = [clock(), keyring.keys("auditor")]
  const liveAuditors = keyring.keysNow("auditor", atMs)
  const terms = { workspace: workspace.workspace, auditors, liveAuditors, history, atMs }
  for (const config of allConfigs(workspace)) {
    if (checkConfig(config, terms).length > 0) continue
    const { path, bytes } = config
    const sha256 = sha256Hex(bytes)
    const version = (history.get(path)?.version ?? 0) + 1
    const signed = { version, previous_sha256: sha256, expires_ms: null }
    const written = await signConfigBytes(workspace, path, bytes, notary, signed)
    await recorder.record(configEvent(written))
  }
}
