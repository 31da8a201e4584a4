export * from "./agent-process.ts"
export { launch, type SandboxHandle } from "./bubblewrap.ts"
export type { BoxWatch, WatchSummary } from "./box-watch.ts"
export type { ProbeTargets } from "./checks.ts"
export { type Availability, detectBubblewrap } from "./detect.ts"
export { type HostFacts, inspectHost } from "./host.ts"
export { type InsideCheck, type InsideView, probeInside } from "./inside.ts"
export {
  cleanEnvironment,
  type PlainSpec,
  type ProbedAgent,
  spawnPlain,
  spawnProbed,
} from "./none.ts"
export { planBubblewrap, type SandboxPlan } from "./plan.ts"
export {
  agentUser,
  inBox,
  maskedName,
  rootModeUsers,
  type SandboxLimits,
  type SandboxSpec,
} from "./spec.ts"
export { removeTree } from "./tree-removal.ts"
export { type DockerSeccompProfile, dockerSeccompProfile } from "./docker-seccomp.ts"
export { layTripwires, type Tripwires } from "./tripwires.ts"
export { prepareWork, reopenWork, type WorkCopy } from "./work.ts"
