import { AmcError, isFault } from "@amc/core"
import type { Availability } from "../detect.ts"
import type { BoxImage, BoxNetwork, PreparedBox, SandboxDriver } from "../driver.ts"
import { rmSync } from "node:fs"
import type { SandboxSpec } from "../spec.ts"
import { systemRoots } from "../host.ts"
import { launchContainer } from "./container.ts"
import { type ContainerHost, inspectContainerHost } from "./container-host.ts"
import { planContainer } from "./container-plan.ts"
import type { Engine } from "./engine.ts"
import { findImage, importRoot, rootArchive } from "./own-image.ts"
import { ownerLabel } from "./owner.ts"
import { sweep } from "./sweep.ts"
import { trial } from "./trial.ts"

/** What an engine's boxes are to be like. */
export interface ContainerSettings {
  /** An image of the owner's for the root of the box; null for this machine's programs on an empty one. */
  readonly image: string | null
  readonly network: BoxNetwork
}

/** Where an engine is, and how it is got where it is missing. */
export interface EngineHome {
  readonly name: ContainerHost["driver"]
  /** Tells this engine from others. */
  readonly place: string
  /** @throws {@link AmcError} `sandbox/unavailable` */
  connect(): Promise<Engine>
  readonly hint: string
}

/** Boxes made by an engine. */
export function containerDriver(home: EngineHome, settings: ContainerSettings): SandboxDriver {
  const prepare = (spec: SandboxSpec): Promise<PreparedBox> => prepareBox(home, settings, spec)
  let works: Availability | undefined
  return {
    name: home.name,
    detect: async () => {
      // What worked once is taken to work still: each box is probed on its own.
      const found = works ?? (await detect(home, prepare))
      if (found.available) works = found
      return found
    },
    prepare,
  }
}

async function detect(
  home: EngineHome,
  prepare: (spec: SandboxSpec) => Promise<PreparedBox>,
): Promise<Availability> {
  const { name, hint } = home
  if (process.platform !== "linux")
    return { available: false, reason: `${name} is looked at from outside on Linux alone`, hint }
  if (process.getuid?.() !== 0)
    return {
      available: false,
      reason: `boxes of ${name} need a monitor that is root, as their gateway is brought in from outside`,
      hint: "run amc as root, or use the driver bubblewrap",
    }
  try {
    const version = await greet(home)
    const { posture, reasons } = await trial(prepare)
    if (posture === "measured") return { available: true, mode: version }
    const why = reasons.slice(0, 3).join("; ")
    return { available: false, reason: `a box of ${name} does not hold: ${why}`, hint }
  } catch (error) {
    // What the owner asked for is wrong, and not the driver.
    if (!isFault(error) || error.code === "usage/invalid") throw error
    return { available: false, reason: error.message, hint: error.hint ?? hint }
  }
}

/** Says hello, and takes away what monitors that were killed have left. */
async function greet(home: EngineHome): Promise<string> {
  const engine = await home.connect()
  try {
    const { Version } = (await engine.json({ method: "GET", path: "/version" })) as {
      Version?: unknown
    }
    await sweep(engine)
    return `${home.name} ${String(Version)}`
  } finally {
    await engine.close()
  }
}

async function prepareBox(
  { name, connect }: EngineHome,
  { image, network }: ContainerSettings,
  spec: SandboxSpec,
): Promise<PreparedBox> {
  const facts = inspectContainerHost(spec, {
    driver: name,
    network,
    isOwnImage: image === null,
  })
  let engine: Engine | undefined
  try {
    engine = await connect()
    const used = await (image === null ? ownRoot(engine, facts) : ownersRoot(engine, name, image))
    const plan = planContainer(spec, { ...facts, image: used })
    const connected = engine
    return { plan, launch: () => launchContainer(plan, connected) }
  } catch (error) {
    await engine?.close()
    rmSync(facts.runFolder, { recursive: true, force: true })
    throw error
  }
}

async function ownRoot(
  engine: Engine,
  { run, owner }: Pick<ContainerHost, "run" | "owner">,
): Promise<BoxImage> {
  const archive = await rootArchive(systemRoots())
  // The same bytes are the same image to an engine, which would go with the first of two runs that share it.
  return importRoot(engine, archive, run, `${ownerLabel}="${owner} ${run}"`)
}

async function ownersRoot(engine: Engine, name: string, image: string): Promise<BoxImage> {
  const found = await findImage(engine, image)
  if (found === null)
    throw new AmcError("usage/invalid", `${name} has no image ${image}`, {
      hint: `${name} pull ${image}`,
    })
  const { volumes, ...used } = found
  if (volumes.length === 0) return used
  // An agent could write there past every limit.
  throw new AmcError("usage/invalid", `the image ${image} has volumes: ${volumes.join(", ")}`, {
    hint: "build it without VOLUME: the work folder alone can be written in a box",
  })
}
