import type { Indicator } from "./indicator.ts"
import { checkedOutcome } from "./indicators/checked-outcome.ts"
import { cleanClose } from "./indicators/clean-close.ts"
import { controlsUntouched } from "./indicators/controls-untouched.ts"
import { darkRunning } from "./indicators/dark-running.ts"
import { egressSigned } from "./indicators/egress-signed.ts"
import { freshEvidence } from "./indicators/fresh-evidence.ts"
import { measuredBox } from "./indicators/measured-box.ts"
import { neverHangs } from "./indicators/never-hangs.ts"
import { providerLoss } from "./indicators/provider-loss.ts"
import { retries } from "./indicators/retries.ts"
import { secretsInText } from "./indicators/secrets-in-text.ts"
import { sessionLimits } from "./indicators/session-limits.ts"
import { signedConfig } from "./indicators/signed-config.ts"
import { stopsWhenRefused } from "./indicators/stops-when-refused.ts"
import { taskOutcome } from "./indicators/task-outcome.ts"

/** The indicators of this engine by the question that each decides. */
export const indicators: ReadonlyMap<string, Indicator> = new Map(
  [
    darkRunning,
    signedConfig,
    egressSigned,
    freshEvidence,
    stopsWhenRefused,
    sessionLimits,
    checkedOutcome,
    controlsUntouched,
    secretsInText,
    retries,
    neverHangs,
    measuredBox,
    cleanClose,
    providerLoss,
    taskOutcome,
  ].map((indicator) => [indicator.id, indicator]),
)
