// The one set-up step of `npm start` and `npm test`: packages, system packages, build. Runs on any Node since 20.
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"

const top = fileURLToPath(new URL("..", import.meta.url))
const stamp = join(top, "node_modules", ".amc-setup")
/** Debian package by the program that it brings. */
const systemPackages = { bwrap: "bubblewrap", socat: "socat", setpriv: "util-linux" }
/** The same for `npm test`: tools of another make that judge what amc writes, or make its files fail. A path stands for what is no program. */
const testPackages = {
  strace: "strace",
  openssl: "openssl",
  curl: "curl",
  python3: "python3",
  "ssh-keygen": "openssh-client",
  "musl-gcc": "musl-tools",
  dockerd: "docker.io",
  "docker-compose": "docker-compose",
  "systemd-analyze": "systemd",
  podman: "podman",
  runc: "runc",
  "/usr/lib/podman/netavark": "netavark",
  ip: "iproute2",
  nft: "nftables",
  busybox: "busybox-static",
  chromium: "chromium",
  go: "golang-go",
  "/usr/share/gocode/src/golang.org/x/mod": "golang-golang-x-mod-dev",
}
const done = []

function run(program, args, options = {}) {
  const { status, error, stderr } = spawnSync(program, args, {
    cwd: top,
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
    ...options,
  })
  if (error !== undefined) return { ok: false, why: error.message }
  return { ok: status === 0, why: (stderr ?? "").trim().split("\n").slice(-5).join("\n") }
}

function isThere(program) {
  if (program.startsWith("/")) return existsSync(program)
  return isOnPath(program)
}

function isOnPath(program) {
  return `${process.env.PATH}${delimiter}/usr/sbin${delimiter}/sbin`
    .split(delimiter)
    .some((folder) => existsSync(join(folder, program)))
}

function installPackages() {
  const wanted = createHash("sha256")
    .update(readFileSync(join(top, "package-lock.json")))
    .digest("hex")
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return
  const { ok, why } = run("npm", ["ci", "--loglevel=error"])
  if (!ok) throw new Error(`npm ci failed:\n${why}`)
  mkdirSync(join(top, "node_modules"), { recursive: true })
  writeFileSync(stamp, wanted)
  done.push("installed the npm packages")
}

function installSystemPackages() {
  if (process.platform !== "linux") return
  const wanted =
    process.argv[2] === "test" ? { ...systemPackages, ...testPackages } : systemPackages
  const missing = [
    ...new Set(
      Object.entries(wanted)
        .filter(([program]) => !isThere(program))
        .map(([, name]) => name),
    ),
  ]
  if (missing.length === 0) return
  const command = `apt-get install --no-install-recommends ${missing.join(" ")}`
  if (process.getuid() !== 0 || !isOnPath("apt-get")) {
    console.error(`set-up: not installed: ${missing.join(", ")}; as root: ${command}`)
    return
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
  run("apt-get", ["update", "-qq"], { env })
  const { ok, why } = run(
    "apt-get",
    ["install", "-y", "-qq", "--no-install-recommends", ...missing],
    { env },
  )
  if (!ok) console.error(`set-up: '${command}' failed:\n${why}`)
  else done.push(`installed ${missing.join(", ")}`)
}

function newest(folder) {
  return readdirSync(folder, { withFileTypes: true }).reduce((latest, entry) => {
    if (entry.name === "node_modules" || entry.name === "dist") return latest
    const path = join(folder, entry.name)
    return Math.max(latest, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs)
  }, 0)
}

function build() {
  const built = join(top, "packages/cli/dist/main.js")
  const sources = Math.max(
    newest(join(top, "packages")),
    statSync(join(top, "tsdown.config.ts")).mtimeMs,
  )
  if (existsSync(built) && statSync(built).mtimeMs >= sources) return
  // tsdown needs a current Node: the one that the packages brought, not the one that runs this file.
  const { ok, why } = run("npm", ["run", "-s", "build"])
  if (!ok) throw new Error(`the build failed:\n${why}`)
  done.push("built amc")
}

try {
  installPackages()
  installSystemPackages()
  build()
  if (done.length > 0) console.error(`set-up: ${done.join("; ")}`)
} catch (error) {
  console.error(`set-up: ${error.message}`)
  process.exitCode = 1
}
