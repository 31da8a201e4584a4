import { launchBubblewrap } from "./bubblewrap.ts"
import { detectBubblewrap } from "./detect.ts"
import type { SandboxDriver } from "./driver.ts"
import { inspectHost } from "./host.ts"
import { planBubblewrap } from "./plan.ts"

/** Boxes made by bubblewrap: no daemon, no image. */
export const bubblewrapDriver: SandboxDriver = {
  name: "bubblewrap",
  detect: detectBubblewrap,
  prepare: async (spec) => {
    const plan = planBubblewrap(spec, inspectHost(spec))
    return { plan, launch: () => launchBubblewrap(plan) }
  },
}
