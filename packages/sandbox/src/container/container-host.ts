import { randomBytes } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { type DockerSeccompProfile, dockerSeccompProfile } from "../docker-seccomp.ts"
import type { BoxImage, BoxNetwork, DriverName } from "../driver.ts"
import { sharedEtc } from "../etc.ts"
import {
  allTools,
  type HostFacts,
  hostPrograms,
  makeRunFolder,
  masksOf,
  requireReadable,
  systemRoots,
} from "../host.ts"
import { type ProbeBinary, probeBinary } from "../probe-binary.ts"
import { agentUser, type SandboxSpec } from "../spec.ts"
import { ownerOf } from "./owner.ts"

/** What the plan of an engine's box needs to know of this machine. `runFolder` is this run's own and goes with it. */
export interface ContainerHost extends Pick<
  HostFacts,
  "isRoot" | "user" | "tools" | "systemRoots" | "masks" | "maskedFiles" | "runFolder"
> {
  readonly driver: Exclude<DriverName, "bubblewrap">
  /** Names all that is made in the engine for this run. */
  readonly run: string
  readonly owner: string
  readonly probe: ProbeBinary
  readonly seccomp: DockerSeccompProfile
  readonly sharedEtc: readonly string[]
  /** What the monitor itself may have; an engine need not be allowed to give more. */
  readonly mostFiles: number
  readonly mostProcesses: number
  readonly image: BoxImage
  /** The image is AMC's own empty one, and the system's programs are this machine's. */
  readonly isOwnImage: boolean
  readonly network: BoxNetwork
}

/** What an engine's box is to be made with. */
export type ContainerTerms = Pick<ContainerHost, "driver" | "network" | "isOwnImage">

/**
 * Looks at the host and makes the run's folder.
 *
 * @throws {@link AmcError} `sandbox/unavailable`, `usage/invalid` if the agent's user could not read what is to be
 *   mounted
 */
export function inspectContainerHost(
  spec: SandboxSpec,
  { driver, network, isOwnImage }: ContainerTerms,
): Omit<ContainerHost, "image"> {
  const isRoot = process.getuid?.() === 0
  for (const folder of spec.readOnly) requireReadable(folder, isRoot)
  const seccomp = dockerSeccompProfile(process.arch)
  const facts = {
    driver,
    network,
    isOwnImage,
    isRoot,
    user: agentUser(),
    tools: allTools(),
    systemRoots: systemRoots(),
    ...masksOf(spec, isOwnImage ? hostPrograms() : []),
    run: `amc-${randomBytes(6).toString("hex")}`,
    owner: ownerOf("self"),
    probe: probeBinary(),
    seccomp,
    sharedEtc: sharedEtc.filter((shared) => existsSync(shared)),
    mostFiles: ownLimit("Max open files"),
    mostProcesses: ownLimit("Max processes"),
  }
  // Last, so that a refusal above leaves nothing behind.
  const runFolder = makeRunFolder(JSON.stringify(seccomp.profile))
  return { ...facts, runFolder }
}

const manyFiles = 65_536
/** What podman leaves itself. */
const manyProcesses = 32_768

/** A resource limit of the monitor's own that it can hand on, bounded. */
function ownLimit(line: "Max open files" | "Max processes"): number {
  const limits = readFileSync("/proc/self/limits", "latin1")
  const hard = Number(new RegExp(`^${line}\\s+\\S+\\s+(\\d+)`, "m").exec(limits)?.[1] ?? Infinity)
  return Math.min(hard, line === "Max open files" ? manyFiles : manyProcesses)
}
