import { spawn, spawnSync } from "node:child_process"
import { resolve4 } from "node:dns/promises"
import { appendFileSync, lstatSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { ask, attempt, dial, tried } from "./attempts.ts"
import { callModel } from "./model-call.ts"

/** What the owner of the test knows and an agent would have to guess. */
interface Known {
  readonly read: readonly string[]
  readonly write: readonly string[]
  readonly sockets: readonly string[]
  readonly tcp: readonly { readonly host: string; readonly port: number }[]
  readonly marker: string
}

console.log("ready")
const known = JSON.parse(await text(process.stdin)) as Known

/** Every entry of the box that has a monitor's name, or is a socket. */
function walk(folder: string, found: string[] = []): string[] {
  for (const name of entriesOf(folder)) {
    const path = join(folder, name)
    const stat = lstatSync(path, { throwIfNoEntry: false })
    if (stat === undefined || ["/proc", "/sys", "/usr"].includes(path)) continue
    if (
      stat.isSocket() ||
      /\.amcvault$|^passphrase\.(monitor|auditor|root)$|^ledger\.sqlite|^workspaces\.json$/.test(
        name,
      )
    )
      found.push(path)
    if (stat.isDirectory() && name !== "node_modules") walk(path, found)
  }
  return found
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function command(...words: [string, ...string[]]): string {
  const { status, stderr } = spawnSync(words[0], words.slice(1), { encoding: "utf8" })
  if (status === 0) return "done"
  throw Object.assign(new Error(stderr), { code: `exit ${status}` })
}

for (const path of known.read) await attempt(`read ${path}`, () => readFileSync(path).length)
for (const path of known.write) await attempt(`write ${path}`, () => appendFileSync(path, "x"))
for (const path of known.sockets) await attempt(`socket ${path}`, () => dial({ path }))
for (const { host, port } of known.tcp)
  await attempt(`tcp ${host}:${port}`, () => dial({ host, port }))
for (const host of ["1.1.1.1", "169.254.169.254"])
  await attempt(`tcp ${host}:80`, () => dial({ host, port: 80 }))
await attempt("udp 8.8.8.8", () => ask("8.8.8.8", 53))
await attempt("name", () => resolve4("example.com"))
await attempt(
  "pid 1's environment",
  () => readFileSync("/proc/1/environ", "utf8") || Promise.reject(new Error("empty")),
)
await attempt("pid 1's memory", () => readFileSync("/proc/1/mem"))
await attempt("a user namespace", () => command("unshare", "--user", "true"))
await attempt("a mount", () => command("mount", "-t", "tmpfs", "none", "/workspace"))
await attempt("the host's name", () => command("hostname", "mine"))

const names = Object.keys(process.env).sort()
const processes = entriesOf("/proc").filter((name) => /^\d+$/.test(name)).length
const abstract = readFileSync("/proc/net/unix", "utf8")
  .split("\n")
  .filter((line) => line.includes("@"))

// All that it may signal, the relay included if it were within reach. Where the walls have failed and
// there is a whole machine to see, that has shown already, and the machine is spared.
try {
  if (process.pid < 32 && processes < 16) process.kill(-1, "SIGKILL")
} catch {
  // There is nothing else here to signal.
}
const afterKill = (await callModel([{ role: "user", content: "is the relay alive?" }])).status

for (const detached of [true, false])
  spawn("sleep", [known.marker], { detached, stdio: "ignore" }).unref()
spawn("setsid", ["sh", "-c", `sleep ${known.marker} & sleep ${known.marker}`], {
  stdio: "ignore",
}).unref()
const interfaces = [...readFileSync("/proc/net/dev", "utf8").matchAll(/^ *(\w+):/gm)].map(
  ([, name]) => name,
)
console.log(
  JSON.stringify({
    tried,
    found: walk("/"),
    names,
    processes,
    abstract,
    afterKill,
    interfaces,
    uid: process.getuid?.(),
  }),
)
