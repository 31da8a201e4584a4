export * from "./agent-process.ts"
export type { SandboxHandle } from "./box.ts"
export type { BoxWatch, WatchSummary } from "./box-watch.ts"
export type { ProbeTargets } from "./checks.ts"
export type { Availability } from "./detect.ts"
export * from "./driver.ts"
export { type DriverTerms, sandboxDriver } from "./drivers.ts"
export { type InsideCheck, type InsideView, probeInside } from "./inside.ts"
export {
  cleanEnvironment,
  type PlainSpec,
  type ProbedAgent,
  spawnPlain,
  spawnProbed,
} from "./none.ts"
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
