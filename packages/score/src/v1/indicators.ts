import type { Indicator } from "./indicator.ts"
import { cleanClose } from "./indicators/clean-close.ts"
import { darkRunning } from "./indicators/dark-running.ts"
import { measuredBox } from "./indicators/measured-box.ts"
import { retries } from "./indicators/retries.ts"
import { secretsInText } from "./indicators/secrets-in-text.ts"
import { sessionLimits } from "./indicators/session-limits.ts"
import { taskOutcome } from "./indicators/task-outcome.ts"

/** The indicators of this engine by the question that each decides. */
export const indicators: ReadonlyMap<string, Indicator> = new Map(
  [darkRunning, sessionLimits, secretsInText, retries, measuredBox, cleanClose, taskOutcome].map(
    (indicator) => [indicator.id, indicator],
  ),
)
