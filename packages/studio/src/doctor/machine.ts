import { existsSync, statfsSync } from "node:fs"
import { createServer } from "node:net"
import { dirname } from "node:path"
import { detectBubblewrap } from "@amc/sandbox"
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

/** Whether a box can be made here. */
export async function sandbox(): Promise<Diagnosis> {
  const found = await detectBubblewrap()
  if (found.available) return ok("sandbox", `bubblewrap works, as ${found.mode}`)
  return fail("sandbox", `${found.reason}; without a box every result is INVALID`, found.hint)
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
