import { rmSync } from "node:fs"
import path from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { AmcError } from "@amc/core"
import { Box, type SandboxHandle, signal } from "../box.ts"
import { hasRunOut, limitsOf } from "../cgroup.ts"
import { type DriverView, onlyChild } from "../outside.ts"
import { startedAt } from "../process-view.ts"
import { type Relay, startRelays, waysOf } from "../relay.ts"
import { startTryCounter, type TryCounter } from "../try-counter.ts"
import { until } from "../until.ts"
import { attachedStreams } from "./attached-streams.ts"
import { closeNetwork } from "./closed-network.ts"
import type { ContainerPlan } from "./container-plan.ts"
import type { Engine } from "./engine.ts"
import { type Leash, layLeash } from "./leash.ts"
import { ownerLabel } from "./owner.ts"
import { remove } from "./sweep.ts"

const goneMs = 10_000
/** How long an engine may take to say that a box has ended. */
const missedMs = 3000

/**
 * Builds the box and starts the probe in it. The engine is this run's own client and is closed at the end.
 *
 * @throws {@link AmcError} `sandbox/start-failed` with the engine's own words
 */
export async function launchContainer(plan: ContainerPlan, engine: Engine): Promise<SandboxHandle> {
  const { spec, host } = plan
  let [boxPid, outOfMemory, networkClosed] = [0, false, ""]
  const leash = await layLeash(path.join(host.runFolder, "leash"), () => {
    outOfMemory = hasRunOut(boxPid)
  })
  const held: Held = { plan, engine, leash, relay: undefined, tries: undefined }
  try {
    const tries = startTryCounter(host.probe, host.runFolder)
    held.tries = tries
    // An engine's filter answers by itself.
    tries.boxEnd.destroy()
    if (host.network === "internal") await createNetwork(plan, engine)
    const { Id: id } = await create(plan, engine)
    const streams = attachedStreams(await engine.stream(attach(id)))
    const ended = engine.text(waitFor(id)).then(codeOf, () => null)
    await engine.text({ method: "POST", path: `/containers/${id}/start` })
    boxPid = await pidOf(engine, id)
    const born = startedAt(boxPid)
    if (host.network === "internal") networkClosed = await closeNetwork(boxPid)
    held.relay = startRelays({ boxPid, userNamespaceFd: 0 }, waysOf(spec), host)
    await Promise.all([
      held.relay.listening,
      tries.ready,
      until(() => onlyChild(boxPid) !== null, 5000),
    ])
    const pid = onlyChild(boxPid)
    if (pid === null || born === null)
      throw new AmcError("sandbox/start-failed", "the box ended before the probe began")
    const force = (): void => {
      if (startedAt(boxPid) === born) signal(boxPid, "SIGKILL")
    }
    return new Box({
      spec,
      probe: host.probe,
      boxPid,
      pid,
      ...streams,
      tries,
      filter: null,
      exit: Promise.race([ended, missed(engine, id, leash)]).then(async (code) => {
        // An engine that is gone does not take the box with it.
        force()
        await until(() => startedAt(boxPid) !== born, goneMs)
        return { code, signal: code === null ? "SIGKILL" : null, outOfMemory }
      }),
      driverView: () => ({ ...viewOf(plan, pid), networkClosed }),
      force,
      cleanUp: () => cleanUp(held),
    })
  } catch (error) {
    await cleanUp(held)
    throw error
  }
}

interface Held {
  readonly plan: ContainerPlan
  readonly engine: Engine
  readonly leash: Leash
  relay: Relay | undefined
  tries: TryCounter | undefined
}

/** A network of this run alone, with no way to the internet; the way to the host is closed at the box. */
async function createNetwork({ host }: ContainerPlan, engine: Engine): Promise<void> {
  const Labels = { [ownerLabel]: host.owner }
  const json = { Name: host.run, Driver: "bridge", Internal: true, CheckDuplicate: true, Labels }
  await engine.text({ method: "POST", path: "/networks/create", json })
}

async function create({ body, host }: ContainerPlan, engine: Engine): Promise<{ Id: string }> {
  const path = "/containers/create"
  const query = { name: host.run }
  const made = await engine.json({ method: "POST", path, query, json: body })
  return made as { Id: string }
}

function attach(id: string): { path: string; query: Record<string, string> } {
  const query = { stream: "1", stdin: "1", stdout: "1", stderr: "1" }
  return { path: `/containers/${id}/attach`, query }
}

function waitFor(id: string): Parameters<Engine["text"]>[0] {
  const query = { condition: "next-exit" }
  return { method: "POST", path: `/containers/${id}/wait`, query, isEndless: true }
}

async function pidOf(engine: Engine, id: string): Promise<number> {
  const found = await engine.json({ method: "GET", path: `/containers/${id}/json` })
  return (found as { State: { Pid: number } }).State.Pid
}

/** What the engine said when the container ended; an engine that ended itself says nothing. */
function codeOf(said: string): number | null {
  const code = /"StatusCode":\s*(\d+)/.exec(said)?.[1]
  return code === undefined ? null : Number(code)
}

/**
 * The exit code of a box whose end the engine missed: it was asked to wait, and came to that when there was nothing
 * left to wait for.
 */
async function missed(engine: Engine, id: string, leash: Leash): Promise<number | null> {
  await leash.slack
  await pause(missedMs, undefined, { ref: false })
  const found = await engine
    .found({ method: "GET", path: `/containers/${id}/json` })
    .catch(() => null)
  const { State } = (found ?? {}) as { State?: { Running?: unknown; ExitCode?: unknown } }
  return State?.Running === false && typeof State.ExitCode === "number" ? State.ExitCode : null
}

function viewOf({ host, spec }: ContainerPlan, pid: number): DriverView {
  return {
    ...limitsOf(pid),
    seccompProfile: host.seccomp.sha256,
    ingress: spec.gatewaySocket === null ? "none" : "run-socket",
  }
}

/** The leash goes first: an engine that hangs must not keep the agent running. */
async function cleanUp({ plan: { host }, engine, leash, relay, tries }: Held): Promise<void> {
  leash.cut()
  await tries?.close()
  await relay?.stop()
  await remove(engine, `/containers/${host.run}`, { force: "1", v: "1" })
  if (host.network === "internal") await remove(engine, `/networks/${host.run}`, {})
  if (host.isOwnImage) await remove(engine, `/images/${host.image.id}`, { force: "1" })
  await engine.close()
  rmSync(host.runFolder, { recursive: true, force: true })
}
