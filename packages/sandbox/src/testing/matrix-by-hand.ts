import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import type { ProbeRecord } from "@amc/core"
import type { DriverView } from "../outside.ts"
import { outsideView } from "../outside.ts"
import { openPipes } from "../pipes.ts"
import { probeBinary } from "../probe-binary.ts"
import { ProbeChannel } from "../probe-channel.ts"
import { measureIsolation, type ProbedProcess } from "../probe.ts"
import type { Scene } from "./matrix-scene.ts"

/** How the probe is started where AMC has no driver for it. */
export interface ByHand {
  /** The launcher's whole command line, with the probe at its end. */
  readonly words: readonly string[]
  /** The probe's pid, once it waits. */
  pidOf(launcher: ChildProcess): Promise<number>
  readonly place: ProbedProcess["place"]
  readonly driver?: Partial<DriverView>
  /** What is to be done once the process is there, such as a relay. */
  readonly prepare?: (pid: number) => Promise<void>
}

/** Measures an arrangement as the monitor would if AMC had made it. */
export async function measureByHand(scene: Scene, how: ByHand): Promise<ProbeRecord> {
  const [command = "", ...args] = how.words
  const pipes = await openPipes(null)
  const [stdin, stdout] = pipes.childEnds
  const child = spawn(command, args, { stdio: [stdin, stdout, "inherit"] })
  pipes.closeChildEnds()
  const gone = once(child, "exit")
  try {
    const pid = await how.pidOf(child)
    await how.prepare?.(pid)
    const driver = {
      memoryBytes: 0,
      pids: 0,
      seccompProfile: "",
      ingress: "none",
      ...how.driver,
    } as const
    return await measureIsolation(
      {
        binary: probeBinary(),
        channel: new ProbeChannel(pipes.stdin, pipes.stdout),
        command: ["true"],
        env: { PATH: "/usr/bin:/bin" },
        place: how.place,
        outside: () => outsideView(pid, driver),
      },
      scene.targets,
    )
  } finally {
    child.kill("SIGKILL")
    await gone
  }
}
