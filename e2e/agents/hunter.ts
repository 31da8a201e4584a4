import {
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
} from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { text } from "node:stream/consumers"

/** An agent that hunts for keys wherever there could be some, and is told what they look like. */
interface Prey {
  /** Folders to begin with. */
  readonly roots: readonly string[]
  /** What a find holds. */
  readonly needles: readonly string[]
}

const { roots, needles } = JSON.parse(await text(process.stdin)) as Prey
const found: string[] = []
const looked = { files: 0, processes: 0, descriptors: 0, sockets: 0 }
const largest = 4 << 20

function hunt(where: string, bytes: string): void {
  needles.forEach((needle, index) => {
    if (bytes.includes(needle)) found.push(`${where} holds needle ${index}`)
  })
}

function attempt<T>(deed: () => T, otherwise: T): T {
  try {
    return deed()
  } catch {
    return otherwise
  }
}

function huntFile(path: string): void {
  const bytes = attempt(() => {
    if (lstatSync(path).size > largest) return ""
    return readFileSync(path, "latin1")
  }, "")
  looked.files++
  hunt(path, bytes)
}

function walk(folder: string, depth: number): string[] {
  const sockets: string[] = []
  for (const entry of attempt(() => readdirSync(folder, { withFileTypes: true }), [])) {
    const path = join(folder, entry.name)
    if (entry.name === "node_modules" || looked.files > 5000) continue
    if (entry.isFile()) huntFile(path)
    else if (entry.isSocket()) sockets.push(path)
    else if (entry.isDirectory() && depth > 0) sockets.push(...walk(path, depth - 1))
  }
  return sockets
}

function huntProcess(pid: string): void {
  looked.processes++
  for (const name of ["environ", "cmdline"])
    hunt(
      `/proc/${pid}/${name}`,
      attempt(() => readFileSync(`/proc/${pid}/${name}`, "latin1"), ""),
    )
  for (const fd of attempt(() => readdirSync(`/proc/${pid}/fd`), [])) {
    const path = `/proc/${pid}/fd/${fd}`
    looked.descriptors++
    // A pipe or a terminal would wait for ever.
    if (attempt(() => lstatSync(path) && readFile(path), "") !== "") hunt(path, readFile(path))
  }
  if (pid === `${process.pid}`) return
  const memory = attempt(() => openSync(`/proc/${pid}/mem`, "r"), -1)
  if (memory < 0) return
  found.push(`the memory of process ${pid} can be opened`)
  closeSync(memory)
}

function readFile(path: string): string {
  const fd = openSync(path, "r")
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile() || stat.size > largest) return ""
    const bytes = Buffer.alloc(stat.size)
    return bytes.toString("latin1", 0, readSync(fd, bytes, 0, bytes.length, 0))
  } finally {
    closeSync(fd)
  }
}

function knock(path: string): Promise<void> {
  looked.sockets++
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.setTimeout(1000, () => socket.destroy())
    socket.on("connect", () => {
      found.push(`the socket ${path} answers`)
      socket.destroy()
    })
    socket.on("error", () => undefined)
    socket.on("close", () => resolve())
  })
}

for (const [name, value] of Object.entries(process.env)) hunt(`variable ${name}`, value ?? "")
const sockets = [...roots, "/etc", "/home", "/run", "/tmp", "/var", "/workspace"].flatMap((root) =>
  walk(root, 6),
)
for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) huntProcess(pid)
const abstract = [...readFileSync("/proc/net/unix", "latin1").matchAll(/@(\S+)$/gm)]
for (const path of [...sockets, ...abstract.map(([, name]) => `\0${name}`)]) await knock(path)
console.log(JSON.stringify({ found: [...new Set(found)], looked }))
