import {
  AmcError,
  isFault,
  parseConfig,
  type RetentionConfig,
  retentionConfigPath,
} from "@amc/core"
import type { JudgedConfig } from "./judged-config.ts"

/** The retention policy that is in force: the auditor's, valid now, and what it says. */
export interface RetentionPolicy {
  readonly bytes: Uint8Array
  readonly sha256: string
  readonly version: number
  readonly config: RetentionConfig
}

/**
 * The policy among the config files as they were judged in the light of the ledger.
 *
 * @throws {@link AmcError} `ledger/no-retention` for none, and for one that is not validly signed or can't be read
 */
export function retentionPolicyOf(configs: ReadonlyMap<string, JudgedConfig>): RetentionPolicy {
  const judged = configs.get(retentionConfigPath)
  const sign = `amc config sign ${retentionConfigPath}`
  if (judged === undefined)
    throw refusal(
      "there is no retention policy",
      `write .amc/${retentionConfigPath}, then '${sign}'`,
    )
  if (judged.flaw !== null)
    throw refusal(judged.flaw.detail, `look at what it says, then '${sign}'`)
  const { bytes, sha256, version } = judged
  try {
    const config = parseConfig(bytes, retentionConfigPath) as RetentionConfig
    return { bytes, sha256, version, config }
  } catch (error) {
    if (!isFault(error)) throw error
    throw refusal(error.message, `mend it, then '${sign}'`)
  }
}

function refusal(message: string, hint: string): AmcError {
  return new AmcError("ledger/no-retention", message, { hint })
}
