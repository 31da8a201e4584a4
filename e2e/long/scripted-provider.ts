import type { ServerResponse } from "node:http"
import { setTimeout as pause } from "node:timers/promises"
import { type Arrived, startUpstream, type Upstream } from "../testing/upstream.ts"
import { type Asked, type Json, type Turn, type Wire, wires } from "./wire-scripts.ts"

/** What goes wrong with the first call that offers tools; `delay` is of every call. */
export const faults = ["none", "429", "cut-rst", "cut-fin", "cut-end", "delay"] as const
export type Fault = (typeof faults)[number]

/** What the agent is made to run. */
const command = "printf hello > note.txt; env > seen-env.txt"

const shells: Readonly<Record<string, Json>> = {
  Bash: { command, description: "write the note" },
  bash: { command, description: "write the note" },
  run_shell_command: { command, description: "write the note" },
  exec_command: { cmd: command },
  shell_command: { command },
  shell: { command: ["sh", "-c", command] },
}

/** A model on loopback that has the agent run one command, and then says that it is done. */
export async function startScripted(): Promise<Upstream & { fault: Fault }> {
  const state = { fault: "none" as Fault, left: true }
  const upstream = await startUpstream((request, response) => answer(state, request, response))
  return {
    arrived: upstream.arrived,
    origin: upstream.origin,
    close: () => upstream.close(),
    get fault() {
      return state.fault
    },
    set fault(fault: Fault) {
      Object.assign(state, { fault, left: true })
    },
  }
}

/** Whether it is a call of a model, and not of anything else that an agent asks for. */
export function wireOf({ target }: Arrived): Wire | null {
  const [path = ""] = target.split("?", 1)
  return wires.find((wire) => wire.path.test(path)) ?? null
}

async function answer(
  state: { fault: Fault; left: boolean },
  request: Arrived,
  response: ServerResponse,
): Promise<void> {
  const wire = wireOf(request)
  if (wire === null || request.body.length === 0) return sendJson(response, 404, notHere)
  const asked = wire.ask(JSON.parse(request.body.toString("utf8")) as Json)
  const hit = state.left && asked.tools.length > 0 && !asked.hasResult ? state.fault : "none"
  if (hit !== "none") state.left = false
  if (state.fault === "delay") await pause(1000)
  if (hit === "429") return sendJson(response, 429, tooMany)
  await stream(response, wire.frames(turnOf(asked)), hit)
}

const notHere = { error: { type: "not_found_error", message: "not here" } }
const tooMany = { error: { type: "rate_limit_error", message: "later", code: 429 } }

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, {
      "content-type": "application/json",
      ...(status === 429 ? { "retry-after": "1" } : {}),
    })
    .end(JSON.stringify(body))
}

/** @throws Error if none of the tools is a shell that is known here */
function turnOf({ tools, hasResult }: Asked): Turn {
  if (hasResult || tools.length === 0) return { words: "The note is written." }
  const tool = Object.keys(shells).find((name) => tools.includes(name))
  if (tool === undefined) throw new Error(`no shell among ${tools.join(", ")}`)
  return { tool, input: shells[tool] ?? {} }
}

async function stream(
  response: ServerResponse,
  frames: readonly string[],
  fault: Fault,
): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" })
  const isCut = fault.startsWith("cut-")
  for (const frame of isCut ? frames.slice(0, Math.floor(frames.length / 2)) : frames) {
    response.write(frame)
    await new Promise(setImmediate)
  }
  // What was said must be there before the cut, or the kernel throws it away.
  if (isCut) await pause(50)
  if (fault === "cut-rst") response.socket?.resetAndDestroy()
  else if (fault === "cut-fin") response.socket?.destroy()
  else response.end()
}
