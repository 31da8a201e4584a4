import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { lstatSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type Server, type Socket } from "node:net"
import path from "node:path"

/** Where tripwires are laid, and for whom. */
export interface TripwirePlace {
  /** A folder that no agent may read, such as the vault's. */
  readonly besideVault: string
  /** A folder with a socket that no agent may reach, such as the notary's. */
  readonly besideNotary: string
  readonly agentUid: number
}

/** Things that nobody has a reason to touch while an agent runs. */
export interface Tripwires {
  /** What the file beside the vault holds. Wherever else it turns up, that file was read. */
  readonly canary: string
  /** How often one was touched. */
  readonly hits: number
  /** Connections to the port by whom it can't be told: no hits, or anybody here could spoil a run. */
  readonly unclear: number
  close(): Promise<void>
}

/**
 * Lays a file beside the vault, a socket beside the notary's and a port on the host's loopback, all of them
 * new and named to nobody. `onHit` is called with what was touched. A connection to the port is a hit only if the
 * agent is known to have made it: many programs try all ports.
 */
export async function layTripwires(
  place: TripwirePlace,
  onHit: (what: string) => void,
): Promise<Tripwires> {
  const canary = randomBytes(32).toString("hex")
  const name = randomBytes(6).toString("hex")
  const file = path.join(place.besideVault, `canary-${name}`)
  const socket = path.join(place.besideNotary, `c-${name}`)
  let [hits, unclear] = [0, 0]
  const hit = (what: string): void => {
    hits++
    onHit(what)
  }
  writeFileSync(file, canary, { mode: 0o600, flag: "wx" })
  removeForgotten(place.besideVault, file)
  const servers: Server[] = []
  const close = async (): Promise<void> => {
    for (const used of [file, socket]) rmSync(used, { force: true })
    await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
  }
  try {
    servers.push(await listen({ path: socket }, () => hit("a socket beside the notary's")))
    const atPort = (connection: Socket): void => {
      const maker = makerOf(connection, place.agentUid)
      if (maker === "agent") hit("a port on the host's loopback")
      if (maker === "unclear") unclear++
    }
    servers.push(await listen({ host: "127.0.0.1", port: 0 }, atPort))
  } catch (error) {
    await close()
    throw error
  }
  return {
    canary,
    get hits() {
      return hits
    },
    get unclear() {
      return unclear
    },
    close,
  }
}

const dayMs = 86_400_000

/** What a monitor that was killed could not take away. Those of sessions that still run are younger. */
function removeForgotten(folder: string, ours: string): void {
  const { mtimeMs } = lstatSync(ours)
  for (const name of readdirSync(folder).filter((each) => /^canary-[0-9a-f]{12}$/.test(each))) {
    const other = path.join(folder, name)
    const age = mtimeMs - (lstatSync(other, { throwIfNoEntry: false })?.mtimeMs ?? mtimeMs)
    if (age > 7 * dayMs) rmSync(other, { force: true })
  }
}

async function listen(
  at: { path: string } | { host: string; port: number },
  onConnection: (connection: Socket) => void,
): Promise<Server> {
  const server = createServer((connection) => {
    onConnection(connection.on("error", () => {}))
    connection.destroy()
  })
  server.listen(at)
  await once(server, "listening")
  return server.unref()
}

/** Who made a connection; unclear where its end is gone or held by nobody any more. */
type Maker = "agent" | "stranger" | "unclear"

function makerOf({ remoteAddress, remotePort, localPort }: Socket, agentUid: number): Maker {
  if (remoteAddress === undefined || remotePort === undefined) return "unclear"
  const holder = holderOf(`${remoteAddress}:${remotePort}`, `127.0.0.1:${localPort}`)
  if (holder === null) return "unclear"
  if (holder.uid !== agentUid) return "stranger"
  // As root the agent has a user that nobody else is; without, it lives in a pid namespace of its own.
  return process.getuid?.() === agentUid ? placeOf(holder.inode) : "agent"
}

/** Who holds the socket from one end on the loopback to another, by the kernel's table; null if nobody does any more. */
export function holderOf(
  from: string,
  to: string,
  table = "/proc/net/tcp",
): { readonly uid: number; readonly inode: string } | null {
  const ends = [from, to].map(kernelsSpelling)
  const lines = readFileSync(table, "latin1").split("\n")
  const fields = lines
    .map((line) => line.trim().split(/\s+/))
    .find((each) => each[1] === ends[0] && each[2] === ends[1])
  const [uid, inode = "0"] = [fields?.[7], fields?.[9]]
  return uid === undefined || inode === "0" ? null : { uid: Number(uid), inode }
}

function kernelsSpelling(end: string): string {
  const [address = "", port = ""] = end.split(":")
  const bytes = address.split(".").map((byte) => Number(byte).toString(16).padStart(2, "0"))
  const hex = Number(port).toString(16).padStart(4, "0")
  return `${bytes.reverse().join("")}:${hex}`.toUpperCase()
}

/** Whether the process that has a socket open lives where the monitor does. */
function placeOf(inode: string): Maker {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name))
  const holder = pids.find((pid) => hasOpen(pid, `socket:[${inode}]`))
  const place = holder === undefined ? null : linkOf(`/proc/${holder}/ns/pid`)
  if (place === null) return "unclear"
  return place === linkOf("/proc/self/ns/pid") ? "stranger" : "agent"
}

function hasOpen(pid: string, what: string): boolean {
  try {
    const folder = `/proc/${pid}/fd`
    return readdirSync(folder).some((fd) => linkOf(`${folder}/${fd}`) === what)
  } catch {
    // It has ended, or does not show what it has open.
    return false
  }
}

function linkOf(file: string): string | null {
  try {
    return readlinkSync(file)
  } catch {
    return null
  }
}
