import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { createSocket } from "node:dgram"
import fs from "node:fs"
import net from "node:net"
import path from "node:path"

/** One thing to try. Everything that a check needs is in it, so that inside and outside run the same code. */
export type CheckSpec =
  | { readonly kind: "read"; readonly path: string }
  | { readonly kind: "write"; readonly path: string }
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp" | "udp" | "http"; readonly host: string; readonly port: number }
  | {
      readonly kind: "env"
      readonly env: Readonly<Record<string, string>>
      readonly canary: string
    }
  | { readonly kind: "visible" | "memory"; readonly pid: number; readonly started: string }
  | { readonly kind: "environ"; readonly sha256: string }
  | { readonly kind: "walk"; readonly roots: readonly string[]; readonly name: string }
  | { readonly kind: "userns" }

export interface CheckResult {
  readonly outcome: "denied" | "reached" | "inconclusive"
  readonly errno: string | null
}

/** What the monitor sends to the probe. */
export interface ProbeOrder {
  readonly checks: readonly { readonly id: string; readonly spec: CheckSpec }[]
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export type ProcessView = Record<string, string | number | boolean>

/** What the probe answers. */
export interface ProbeAnswer {
  readonly results: readonly (CheckResult & { readonly id: string })[]
  readonly inside: ProcessView
}

/** Past this a target is neither reached nor refused. Inside the box every answer is at once. */
const networkDeadlineMs = 3000
const walkLimit = 200_000
/** Never in the agent's environment, whatever they hold. */
const forbiddenName = /^AMC_.*(PASS|TOKEN|SECRET|KEY|VAULT)/i

const reached: CheckResult = { outcome: "reached", errno: null }
const denied = (errno: string): CheckResult => ({ outcome: "denied", errno })
const inconclusive = (errno: string): CheckResult => ({ outcome: "inconclusive", errno })

const isAwaited = ({ kind }: CheckSpec): boolean =>
  ["unix", "tcp", "udp", "http", "userns"].includes(kind)

/**
 * Tries everything, and gives the results in the same order.
 *
 * What waits for an answer comes first: a long walk would hold up the loop until its time is over.
 */
export async function runChecks(specs: readonly CheckSpec[]): Promise<CheckResult[]> {
  const awaited = await Promise.all(
    specs.map((spec) => (isAwaited(spec) ? runCheck(spec) : undefined)),
  )
  return Promise.all(specs.map((spec, index) => awaited[index] ?? runCheck(spec)))
}

/** Tries one thing, and never throws: what fails with an error is denied. */
export async function runCheck(spec: CheckSpec): Promise<CheckResult> {
  try {
    return await attempt(spec)
  } catch (error) {
    return denied(codeOf(error))
  }
}

function attempt(spec: CheckSpec): CheckResult | Promise<CheckResult> {
  switch (spec.kind) {
    case "read":
      return tryOpen(spec.path, fs.constants.O_RDONLY)
    case "write":
      return tryWrite(spec.path)
    case "unix":
      return tryConnect({ path: spec.path })
    case "tcp":
      return tryConnect({ host: spec.host, port: spec.port })
    case "http":
      return tryHttp(spec.host, spec.port)
    case "udp":
      return tryUdp(spec.host, spec.port)
    case "env":
      return tryEnv(spec.env, spec.canary)
    case "visible":
      return startedAt(spec.pid) === spec.started ? reached : denied("ESRCH")
    case "memory":
      if (startedAt(spec.pid) !== spec.started) return denied("ESRCH")
      return tryOpen(`/proc/${spec.pid}/mem`, fs.constants.O_RDONLY)
    case "environ":
      return tryEnviron(spec.sha256)
    case "walk":
      return tryWalk(spec.roots, spec.name)
    case "userns":
      return tryUserNamespace()
  }
}

function tryOpen(file: string, flags: number): CheckResult {
  fs.closeSync(fs.openSync(file, flags | fs.constants.O_NONBLOCK))
  return reached
}

/** Opens a file for writing without changing it, or makes a file in a folder and removes it. */
function tryWrite(target: string): CheckResult {
  if (!fs.lstatSync(target).isDirectory()) return tryOpen(target, fs.constants.O_WRONLY)
  const file = path.join(target, `.amc-probe-${process.pid}`)
  fs.closeSync(fs.openSync(file, "wx", 0o600))
  fs.unlinkSync(file)
  return reached
}

function tryConnect(target: net.NetConnectOpts): Promise<CheckResult> {
  return new Promise((resolve) => {
    const socket = net.connect(target)
    const end = (result: CheckResult): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(result)
    }
    const timer = setTimeout(end, networkDeadlineMs, inconclusive("ETIMEDOUT"))
    socket.on("connect", () => end(reached)).on("error", (error) => end(denied(codeOf(error))))
  })
}

function tryHttp(host: string, port: number): Promise<CheckResult> {
  return new Promise((resolve) => {
    let answer = ""
    const socket = net.connect({ host, port })
    const end = (result: CheckResult): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(result)
    }
    const timer = setTimeout(end, networkDeadlineMs, inconclusive("ETIMEDOUT"))
    socket
      .on("connect", () =>
        socket.write("GET /amc/health HTTP/1.1\r\nhost: amc\r\nconnection: close\r\n\r\n"),
      )
      .on("data", (bytes) => {
        answer += bytes.toString("latin1")
        if (answer.length >= 7) end(answer.startsWith("HTTP/1.") ? reached : denied("EPROTO"))
      })
      .on("close", () => end(denied("ECONNRESET")))
      .on("error", (error) => end(denied(codeOf(error))))
  })
}

/** Reached means answered: an unanswered datagram shows nothing, so the listener outside echoes. */
function tryUdp(host: string, port: number): Promise<CheckResult> {
  return new Promise((resolve) => {
    const socket = createSocket(net.isIPv6(host) ? "udp6" : "udp4")
    let isEnded = false
    const end = (result: CheckResult): void => {
      if (isEnded) return
      isEnded = true
      clearTimeout(timer)
      socket.close()
      resolve(result)
    }
    const timer = setTimeout(end, networkDeadlineMs, inconclusive("ETIMEDOUT"))
    socket.on("message", () => end(reached)).on("error", (error) => end(denied(codeOf(error))))
    // A failed connect calls back too, with an error that the types don't tell of.
    socket.connect(port, host, (...[error]: unknown[]) => {
      if (error !== undefined && error !== null) end(denied(codeOf(error)))
      else if (!isEnded) socket.send("amc")
    })
  })
}

function tryEnv(env: Readonly<Record<string, string>>, canary: string): CheckResult {
  const isLeak = ([name, value]: [string, string]): boolean =>
    forbiddenName.test(name) || value.includes(canary)
  return Object.entries(env).some(isLeak) ? reached : denied("ENOENT")
}

/** Looks for a process whose environment is the monitor's. */
function tryEnviron(sha256: string): CheckResult {
  let errno = "ESRCH"
  for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const bytes = fs.readFileSync(`/proc/${pid}/environ`)
      if (createHash("sha256").update(bytes).digest("hex") === sha256) return reached
    } catch (error) {
      errno = codeOf(error)
    }
  }
  return denied(errno)
}

/** A pid alone says nothing in another pid namespace; the start time tells whether it is the same process. */
export function startedAt(pid: number | "self"): string | null {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "latin1")
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null
  } catch {
    return null
  }
}

/**
 * Breadth first from the roots, for an entry of that name or an `.amc` that holds anything.
 *
 * `node_modules` and the system's own trees are left out: no workspace lies there, and they are most of all entries.
 */
function tryWalk(roots: readonly string[], name: string): CheckResult {
  const queue = [...roots]
  let count = 0
  for (let folder = queue.shift(); folder !== undefined; folder = queue.shift()) {
    for (const entry of entriesOf(folder)) {
      if (entry.name === name || path.basename(folder) === ".amc") return reached
      if (++count > walkLimit) return inconclusive("E2BIG")
      if (entry.isDirectory() && isWalked(path.join(folder, entry.name)))
        queue.push(path.join(folder, entry.name))
    }
  }
  return denied("ENOENT")
}

function isWalked(folder: string): boolean {
  return (
    path.basename(folder) !== "node_modules" && !["/proc", "/sys", "/dev", "/usr"].includes(folder)
  )
}

function entriesOf(folder: string): fs.Dirent[] {
  try {
    return fs.readdirSync(folder, { withFileTypes: true })
  } catch {
    // A folder that can't be listed hides what is in it.
    return []
  }
}

function tryUserNamespace(): Promise<CheckResult> {
  return new Promise((resolve) => {
    const child = spawn("/usr/bin/unshare", ["--user", "/bin/true"], { stdio: "ignore", env: {} })
    child
      .on("error", (error) => resolve(inconclusive(codeOf(error))))
      .on("exit", (code) => resolve(code === 0 ? reached : denied("EPERM")))
  })
}

/**
 * What the kernel says of a process: the probe reads its own, the monitor the probe's, and the two must agree.
 *
 * @throws if the process is gone
 */
export function processView(pid: number | "self"): ProcessView {
  const proc = `/proc/${pid}`
  const status = fs.readFileSync(`${proc}/status`, "latin1")
  const field = (name: string): string =>
    new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, "m").exec(status)?.[1] ?? ""
  const view: ProcessView = {
    uid: Number(field("Uid").split("\t")[1]),
    gid: Number(field("Gid").split("\t")[1]),
    groups: field("Groups").slice(0, 200),
    cap_eff: field("CapEff"),
    cap_bnd: field("CapBnd"),
    no_new_privs: Number(field("NoNewPrivs")),
    seccomp: Number(field("Seccomp")),
    interfaces: interfacesOf(proc),
    default_route: hasDefaultRoute(proc),
    root_read_only: isRootReadOnly(proc),
  }
  for (const name of ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"])
    view[`ns_${name}`] = fs.readlinkSync(`${proc}/ns/${name}`)
  return view
}

function interfacesOf(proc: string): string {
  const lines = fs.readFileSync(`${proc}/net/dev`, "latin1").split("\n").slice(2)
  const names = lines.map((line) => line.split(":")[0]?.trim() ?? "").filter((name) => name !== "")
  return names.sort().join(" ").slice(0, 200)
}

function hasDefaultRoute(proc: string): boolean {
  const ipv4 = fs.readFileSync(`${proc}/net/route`, "latin1").split("\n").slice(1)
  const ipv6 = fs.existsSync(`${proc}/net/ipv6_route`)
    ? fs.readFileSync(`${proc}/net/ipv6_route`, "latin1").split("\n")
    : []
  const isDefault6 = (line: string): boolean => /^0{32} 00 .* (?!lo$)\S+$/.test(line.trimEnd())
  return ipv4.some((line) => line.split("\t")[1] === "00000000") || ipv6.some(isDefault6)
}

function isRootReadOnly(proc: string): boolean {
  const mounts = fs.readFileSync(`${proc}/mountinfo`, "latin1").split("\n")
  const root = mounts.map((line) => line.split(" ")).findLast((fields) => fields[4] === "/")
  return root?.[5]?.split(",").includes("ro") ?? false
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === "string" ? code.slice(0, 32) : "EUNKNOWN"
}

/** Reads exactly so many bytes, so that nothing of the agent's own stdin is taken. */
function readExactly(size: number): string {
  const bytes = Buffer.alloc(size)
  let at = 0
  while (at < size) {
    const got = fs.readSync(0, bytes, at, size - at, null)
    if (got === 0) throw new Error("the monitor is gone")
    at += got
  }
  return bytes.toString("utf8")
}

function say(value: unknown): void {
  fs.writeFileSync(1, `${JSON.stringify(value)}\n`)
}

/** Where the command's file is, or why it can't be run; `execve` itself would end in an abort. */
function findProgram(command: string, env: Readonly<Record<string, string>>): string {
  const places = command.includes("/")
    ? [command]
    : (env["PATH"] ?? "/usr/bin:/bin").split(":").map((folder) => path.join(folder || ".", command))
  let failure = "ENOENT"
  for (const place of places) {
    try {
      fs.accessSync(place, fs.constants.X_OK)
      if (fs.statSync(place).isFile()) return place
      failure = "EACCES"
    } catch (error) {
      if (codeOf(error) !== "ENOENT") failure = codeOf(error)
    }
  }
  throw Object.assign(new Error("the command was not found"), { code: failure })
}

/** A script without an interpreter line is run by the shell, as a shell would. */
function argumentsOf(
  program: string,
  command: readonly string[],
): { file: string; args: string[] } {
  const head = Buffer.alloc(256)
  const fd = fs.openSync(program, "r")
  const size = fs.readSync(fd, head, 0, head.length, 0)
  fs.closeSync(fd)
  const start = head.toString("latin1", 0, size)
  const interpreter = /^#![ \t]*(\S+)/.exec(start)?.[1]
  if (interpreter !== undefined) fs.accessSync(interpreter, fs.constants.X_OK)
  if (start.startsWith("#!") || start.startsWith("\x7fELF"))
    return { file: program, args: [...command] }
  return { file: "/bin/sh", args: ["sh", program, ...command.slice(1)] }
}

/** Descriptors that came in beside the standard three; Node's own close on exec. */
function closeInherited(): void {
  for (const name of fs.readdirSync("/proc/self/fd")) {
    if (Number(name) < 3) continue
    try {
      const flags = /^flags:\s+(\d+)/m.exec(
        fs.readFileSync(`/proc/self/fdinfo/${name}`, "latin1"),
      )?.[1]
      const isCloseOnExec = (Number.parseInt(flags ?? "0", 8) & 0o2000000) !== 0
      if (!isCloseOnExec) fs.closeSync(Number(name))
    } catch {
      // The folder's own descriptor is in its list and gone by now.
    }
  }
}

/** Node ignores these, and an ignored signal stays ignored across exec; a removed listener leaves the default. */
function restoreSignals(): void {
  for (const signal of ["SIGPIPE", "SIGXFSZ"] as const) {
    const listener = (): void => {}
    process.on(signal, listener)
    process.removeListener(signal, listener)
  }
}

async function main(): Promise<void> {
  const order = JSON.parse(readExactly(Number.parseInt(readExactly(8), 16))) as ProbeOrder
  const outcomes = await runChecks(order.checks.map(({ spec }) => spec))
  const results = order.checks.map(({ id }, index) => ({
    id,
    ...(outcomes[index] ?? inconclusive("ENODATA")),
  }))
  say({ results, inside: processView("self") } satisfies ProbeAnswer)
  const [word, nonce] = readExactly(36).split(" ")
  if (word !== "GO!") throw new Error("the monitor said no")
  const start = argumentsOf(findProgram(order.command[0] ?? "", order.env), order.command)
  closeInherited()
  restoreSignals()
  say({ started: nonce })
  process.execve?.(start.file, start.args, { ...order.env })
}

// The monitor imports this file for its controls; only as a program of its own does it speak on stdin.
if (path.basename(process.argv[1] ?? "").startsWith("probe") && process.argv[2] === "--inside") {
  main().catch((error: unknown) => {
    say({ exec_error: codeOf(error) })
    process.exitCode = 125
    // An open socket of a check must not hold up the end.
    // oxlint-disable-next-line unicorn/no-process-exit
    process.exit()
  })
}
