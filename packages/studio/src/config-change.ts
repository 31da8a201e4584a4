import { stringify } from "yaml"
import { type Capture, type CaptureTerms, configEvent, openCapture } from "./capture.ts"
import { type ConfigSettings, type LoadedConfig, writeConfig } from "./signed-config.ts"
import type { Workspace } from "./workspace.ts"

/**
 * Signs a config file as the next version after the one that is there or that the ledger names, and records it.
 *
 * @throws {@link AmcError} `input/malformed`, `workspace/unwritable`, `vault/locked`
 */
export async function putConfig<T>(
  { workspace, notary, recorder, configHistory }: Capture,
  { path, value, schema }: ConfigSettings<T>,
): Promise<LoadedConfig<T>> {
  const last = configHistory.get(path)?.version
  const config = await writeConfig(workspace, path, stringify(value), schema, notary, last)
  await recorder.record(configEvent(config))
  return config
}

/**
 * The same in a capture for this change alone, which `change` may look at first.
 *
 * @throws {@link AmcError} as {@link openCapture} and {@link putConfig}
 */
export async function changeConfig<T>(
  workspace: Workspace,
  terms: CaptureTerms,
  change: (capture: Capture) => ConfigSettings<T> | Promise<ConfigSettings<T>>,
): Promise<LoadedConfig<T>> {
  const capture = await openCapture(workspace, terms)
  try {
    return await putConfig(capture, await change(capture))
  } finally {
    await capture.close()
  }
}
