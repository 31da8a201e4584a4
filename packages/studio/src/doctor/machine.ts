import { existsSync, statfsSync } from "node:fs"
import { createServer } from "node:net"
import { dirname } from "node:path"
import { type Availability, type DriverName, driverNames, sandboxDriver } from "@amc/sandbox"
import { type Diagnosis, fail, ok, warn } from "./diagnosis.ts"

const oldestNode = 24
const mebibyte = 1 << 20
/** Below the first a run may fail on its way, below the second it will. */
const [littleDisk, noDisk] = [1024 * mebibyte, 200 * mebibyte]
/** Where gateway, egress proxy and Studio listen unless told otherwise. */
const ports: readonly number[] = [3210, 3211, 3212]

/** The Node that runs this. */
export function runtime(version: string): Diagnosis {
  const major = Number(/^v?(\d+)\./u.exec(version)?.[1])
  const detail = `node ${version} on ${process.platform} ${process.arch}`
  if (major >= oldestNode) return ok("runtime", detail)
  return fail("runtime", `${detail}, and AMC needs ${oldestNode}`, "npm ci")
}

/** Which boxes can be made here. The first is what is used unless another is asked for. */
export async function sandboxes(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<readonly Diagnosis[]> {
  const found: Diagnosis[] = []
  for (const name of driverNames) {
    const driver = sandboxDriver({ name, environment, image: null, network: "none" })
    found.push(standing(name, await driver.detect()))
  }
  return found
}

function standing(name: DriverName, found: Availability): Diagnosis {
  const id = name === "bubblewrap" ? "sandbox" : `sandbox ${name}`
  if (found.available) return ok(id, `${name} works, as ${found.mode}`)
  if (name !== "bubblewrap") return ok(id, `not to be used: ${found.reason}; ${found.hint}`)
  return fail(id, `${found.reason}; without a box every result is INVALID`, found.hint)
}

/** How much room is left where something is written. */
export function disk(id: string, path: string): Diagnosis {
  const { bavail, bsize } = statfsSync(nearest(path))
  const free = bavail * bsize
  const detail = `${Math.floor(free / mebibyte)} MiB free at ${path}`
  if (free < noDisk) return fail(id, detail, `df -h ${path}`)
  return free < littleDisk ? warn(id, detail, `df -h ${path}`) : ok(id, detail)
}

/** Whether this machine lets programs listen on itself, and whether the usual ports are free. */
export async function loopback(): Promise<Diagnosis> {
  if (!(await canListen(0)))
    return fail("ports", "no program can listen on 127.0.0.1", "ip link set lo up")
  const taken: number[] = []
  for (const port of ports) if (!(await canListen(port))) taken.push(port)
  if (taken.length === 0) return ok("ports", `127.0.0.1 works, and ${ports.join(", ")} are free`)
  const detail = `another program listens on ${taken.join(", ")}; sessions use sockets of their own, so nothing fails yet`
  return warn("ports", detail, `ss -ltnp 'sport = :${taken[0]}'`)
}

async function canListen(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const server = createServer()
  server.once("error", () => resolve(false))
  server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)))
  return promise
}

function nearest(path: string): string {
  return existsSync(path) ? path : nearest(dirname(path))
}
