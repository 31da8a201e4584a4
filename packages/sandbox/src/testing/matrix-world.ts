import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import path from "node:path"
import { createInterface } from "node:readline"

/** A network that stands for a host, and behind it one that stands for the internet: nobody real is dialled. */
export interface World {
  /** Words before a command that make it live there. */
  readonly enter: readonly string[]
  /** The same for the network alone, for what must see this machine's mounts. */
  readonly network: readonly string[]
  close(): Promise<void>
}

/** The addresses that the probe dials, and who listens there. */
const internet = {
  host: "192.0.2.2",
  router: "192.0.2.1",
  addresses: ["1.1.1.1", "8.8.8.8", "169.254.169.254"],
} as const

/** Makes the world. Needs root and iproute2. Close it. */
export async function makeWorld(): Promise<World> {
  const held: ChildProcess[] = []
  const hold = async (...words: readonly string[]): Promise<number> => {
    const child = spawn("unshare", [...words, "sh", "-c", "echo held; exec sleep 3600"], {
      stdio: ["ignore", "pipe", "inherit"],
    })
    held.push(child)
    const [said] = (await Promise.race([
      once(child.stdout, "data"),
      once(child, "exit"),
    ])) as unknown[]
    if (!Buffer.isBuffer(said)) throw new Error("unshare is refused, which needs root")
    return child.pid ?? 0
  }
  const close = async (): Promise<void> => {
    for (const child of held.reverse()) await ended(child)
  }
  try {
    const host = await hold("--net", "--mount", "--propagation", "private")
    const outside = await hold("--net")
    connect(host, outside)
    held.push(await serveInternet(outside))
    return {
      enter: ["nsenter", `--net=/proc/${host}/ns/net`, `--mount=/proc/${host}/ns/mnt`, "--"],
      network: ["nsenter", `--net=/proc/${host}/ns/net`, "--"],
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, "exit")
  child.kill("SIGKILL")
  await gone
}

function connect(host: number, outside: number): void {
  const inHost = (...words: readonly string[]): unknown => inNetwork(host, "ip", ...words)
  const beyond = (...words: readonly string[]): unknown => inNetwork(outside, "ip", ...words)
  inHost("link", "add", "inet0", "type", "veth", "peer", "name", "host0", "netns", String(outside))
  inHost("link", "set", "lo", "up")
  beyond("link", "set", "lo", "up")
  inHost("address", "add", `${internet.host}/24`, "dev", "inet0")
  inHost("link", "set", "inet0", "up")
  beyond("address", "add", `${internet.router}/24`, "dev", "host0")
  beyond("link", "set", "host0", "up")
  for (const address of internet.addresses) beyond("address", "add", `${address}/32`, "dev", "lo")
  inHost("route", "add", "default", "via", internet.router)
  // Like a host with an engine: its sockets lie here.
  execFileSync("nsenter", [`--mount=/proc/${host}/ns/mnt`, "mount", "-t", "tmpfs", "none", "/run"])
}

function inNetwork(pid: number, ...words: readonly string[]): string {
  return execFileSync("nsenter", [`--net=/proc/${pid}/ns/net`, ...words], { encoding: "utf8" })
}

async function serveInternet(pid: number): Promise<ChildProcess> {
  const main = path.join(import.meta.dirname, "matrix-internet-main.ts")
  const words = [`--net=/proc/${pid}/ns/net`, process.execPath, main]
  const child = spawn("nsenter", words, { stdio: ["ignore", "pipe", "inherit"] })
  await once(createInterface(child.stdout), "line")
  return child
}
