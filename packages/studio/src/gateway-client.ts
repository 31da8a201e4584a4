import { request } from "node:http"
import { AmcError, type ErrorCode, errorCodes } from "@amc/core"
import type { ListedLease } from "@amc/gateway"
import { type GatewayFile, readGatewayFile } from "./gateway-file.ts"
import type { IssuedLease, LeaseRequest } from "./lease-request.ts"
import type { Workspace } from "./workspace.ts"

/** The gateway that stands for a workspace, as the owner's commands reach it. */
export interface RunningGateway {
  readonly url: string
  /** Of its egress proxy; null where no connection is allowed. */
  readonly egressUrl: string | null
  issue(terms: LeaseRequest): Promise<IssuedLease>
  leases(): Promise<readonly ListedLease[]>
  revoke(id: string): Promise<ListedLease>
  lock(): Promise<void>
}

const patienceMs = 30_000

/** @throws {@link AmcError} `gateway/not-running` */
export function reachGateway(workspace: Workspace): RunningGateway {
  const file = readGatewayFile(workspace)
  if (file === null) throw notRunning()
  return {
    url: file.url,
    egressUrl: file.egress_url,
    issue: (terms) => ask(file, "POST", "/leases", terms),
    leases: async () => (await ask<{ leases: ListedLease[] }>(file, "GET", "/leases")).leases,
    revoke: async (id) =>
      (await ask<{ lease: ListedLease }>(file, "DELETE", `/leases/${encodeURIComponent(id)}`))
        .lease,
    lock: () => ask(file, "POST", "/lock"),
  }
}

/** Locks the gateway that stands, if one does. Says whether. */
export async function lockGateway(workspace: Workspace): Promise<boolean> {
  if (readGatewayFile(workspace) === null) return false
  try {
    await reachGateway(workspace).lock()
    return true
  } catch (error) {
    if (error instanceof AmcError && error.code === "gateway/not-running") return false
    throw error
  }
}

function ask<T>(
  { socket }: GatewayFile,
  method: string,
  path: string,
  value?: unknown,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: socket, method, path, timeout: patienceMs }, (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (piece: string) => (text += piece))
      response.on("error", (cause) => reject(notRunning(cause)))
      response.on("end", () => {
        if (response.statusCode === 200) resolve(JSON.parse(text) as T)
        else reject(faultIn(text))
      })
    })
    asked.on("timeout", () => asked.destroy(new Error("no answer in time")))
    asked.on("error", (cause) => reject(notRunning(cause)))
    asked.end(value === undefined ? undefined : JSON.stringify(value))
  })
}

function faultIn(text: string): AmcError {
  const { code, message, hint } = JSON.parse(text) as Record<string, string | null>
  const known = Object.hasOwn(errorCodes, code ?? "") ? (code as ErrorCode) : "usage/invalid"
  return new AmcError(
    known,
    message ?? "the gateway refused",
    hint === null || hint === undefined ? {} : { hint },
  )
}

function notRunning(cause?: unknown): AmcError {
  return new AmcError("gateway/not-running", "no gateway runs for this workspace", {
    cause,
    hint: "start one with 'amc gateway start'; leases live in its memory alone",
  })
}
