import { spawn, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import {
  chmodSync,
  chownSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest"
import { startModelServer } from "../examples/model-server/src/server.ts"
import { startEngines } from "../packages/sandbox/src/testing/matrix-engines.ts"
import { makeWorld, type World } from "../packages/sandbox/src/testing/matrix-world.ts"
import type { Said } from "./agents/separated.ts"
import { clone, type Ended, run } from "./testing/amc.ts"
import { compose, type Composition, importNode } from "./testing/containers.ts"
import { type Machine, makeMachine, unit } from "./testing/machine.ts"

const isRoot = process.getuid?.() === 0
const [monitor, agent] = [60_810, 60_811]
const key = `sk-scripted-${randomBytes(24).toString("base64url")}`

let top: string
let socket: string
let server: Awaited<ReturnType<typeof startModelServer>>
beforeAll(async () => {
  top = mkdtempSync(join(tmpdir(), "amc-e2e-"))
  chmodSync(top, 0o755)
  socket = join(top, "model.sock")
  server = await startModelServer({ apiKey: key, socketPath: socket })
  if (isRoot) chownSync(socket, monitor, monitor)
})
afterAll(async () => {
  await server?.close()
  rmSync(top, { recursive: true, force: true })
})

test.for(["amc-gateway.service", "amc-agent@.service"])(
  "T6: systemd takes %s, and finds little that it leaves open",
  (name, context) => {
    const analyze = (...words: readonly string[]) =>
      spawnSync("systemd-analyze", words, { encoding: "utf8" })
    if (analyze("--version").error !== undefined) {
      process.stderr.write(`NOT TESTED: ${name}: there is no systemd-analyze\n`)
      return context.skip("there is no systemd-analyze")
    }
    const copy = join(top, name)
    const text = readFileSync(join(clone, "deploy/systemd", name), "utf8")
    // That no Node is installed here is no fault of the unit's.
    writeFileSync(copy, text.replaceAll("=/usr/bin/node ", "=/bin/true "))
    const { status, stderr } = analyze("verify", "--man=no", copy)
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
    // Tenths of points, of a hundred for a service with no walls at all.
    const judged = analyze("security", "--offline=yes", "--threshold=15", "--no-pager", copy)
    expect(judged.status, judged.stdout).toBe(0)
    return undefined
  },
)

function expectNothing(said: Said): void {
  const open = Object.entries(said.tried).filter(([, what]) => !what.startsWith("denied"))
  expect(open).toEqual([])
  expect(Object.keys(said.tried).length).toBeGreaterThan(15)
  expect(said).toMatchObject({ called: 200, receipt: true, noLease: 401, uid: agent, names: [] })
  expect(said.admin).toBeGreaterThanOrEqual(400)
}

test(
  "T6: monitor and agent as the units' two users: the agent calls by its lease, and gets at nothing of the monitor's",
  { timeout: 300_000 },
  async (context) => {
    if (!isRoot) return context.skip("two users can be made by root alone")
    const machine = await makeMachine()
    try {
      await asTwoUsers(machine)
    } finally {
      await machine.close()
    }
    return undefined
  },
)

async function asTwoUsers(machine: Machine): Promise<void> {
  const gateway = unit("amc-gateway.service")
  const folders = (gateway.get("StateDirectory") ?? "").split(" ").map((name) => `/var/lib/${name}`)
  const mode = gateway.get("StateDirectoryMode") ?? ""
  await machine.shell(`for d in ${folders.join(" ")}; do install -d -o ${monitor} -g ${monitor} -m ${mode} $d; done
    install -d -o ${monitor} -g ${monitor} -m ${gateway.get("RuntimeDirectoryMode")} /run/${gateway.get("RuntimeDirectory")}
    install -d -o ${monitor} -g ${monitor} -m 0500 /run/credentials; printf %s ${key} >/run/key; chown ${monitor} /run/key; chmod 0400 /run/key`)
  const own = Object.fromEntries(
    (gateway.get("Environment") ?? "").split(" ").map((each) => each.split("=")),
  )
  const where = { cwd: "/", env: { PATH: "/usr/bin:/bin", ...own } as Record<string, string> }
  const workspace = gateway.get("WorkingDirectory") ?? ""
  const inWorkspace = (words: readonly string[]) => [
    ...machine.as(monitor),
    "sh",
    "-c",
    'cd "$1" && shift && umask 077 && exec "$@"',
    "sh",
    workspace,
    ...words,
  ]
  const amc = async (...words: string[]): Promise<Ended> => {
    const ended = await run(
      inWorkspace(["/opt/node", "/opt/amc/packages/cli/bin/amc.js", ...words]),
      where,
    )
    expect(ended.exit, ended.stderr).toBe(0)
    return ended
  }
  await amc("init")
  await amc(
    "provider",
    "add",
    "scripted",
    "--upstream",
    "http://localhost",
    "--socket",
    socket,
    "--key-file",
    "/run/key",
  )
  // What opens the vault for an owner is kept by the owner; the unit is given the monitor's alone.
  await machine.shell(`mkdir -m 0700 /var/lib/owner; mv ${own["XDG_STATE_HOME"]}/amc/workspaces/*/passphrase.* /var/lib/owner
    install -o ${monitor} -m 0400 /var/lib/owner/passphrase.monitor /run/credentials/monitor`)
  const start = (gateway.get("ExecStart") ?? "")
    .replace("/usr/bin/node", "/opt/node")
    .replace("%d", "/run/credentials")
  const [file = "", ...rest] = inWorkspace(start.split(" "))
  const standing = spawn(file, rest, { ...where, stdio: ["ignore", "pipe", "inherit"] })
  const ended = once(standing, "exit")
  onTestFinished(() => void standing.kill("SIGKILL"))
  const [line] = (await once(standing.stdout.setEncoding("utf8"), "data")) as [string]
  const { pid, socket: control } = JSON.parse(
    await machine.shell(`cat ${own["XDG_STATE_HOME"]}/amc/workspaces/*/gateway.json`),
  ) as { pid: number; socket: string }
  const { stdout: lease } = await amc(
    "lease",
    "issue",
    "--agent",
    "apart",
    "--provider",
    "scripted",
    "--ttl",
    "1h",
  )
  const known = {
    monitors: [
      ...folders,
      `${workspace}/.amc/ledger/ledger.sqlite`,
      `${workspace}/.amc/vault.amcvault`,
      "/run/credentials",
      "/run/credentials/monitor",
      "/var/lib/owner",
      "/run/key",
    ],
    sockets: [control, socket],
    tcp: [],
    pid,
  }
  const env = {
    PATH: "/usr/bin:/bin",
    OPENAI_BASE_URL: `${line.split(" ")[0]}/scripted/v1`,
    OPENAI_API_KEY: lease.trim(),
    KNOWN: JSON.stringify(known),
  }
  const ran = await run([...machine.as(agent), "/opt/node", "/opt/agent/separated.ts"], {
    cwd: "/",
    env,
  })
  expect(ran.exit, ran.stderr).toBe(0)
  expectNothing(JSON.parse(ran.stdout) as Said)
  await machine.shell(`kill -TERM ${pid}`)
  await ended
  await machine.shell(
    `install -o ${monitor} -m 0400 /var/lib/owner/passphrase.auditor /run/credentials/auditor`,
  )
  const files = ["monitor", "auditor"].flatMap((slot) => [
    "--passphrase-file",
    `${slot}=/run/credentials/${slot}`,
  ])
  const { stdout } = await amc("run", "--agent", "apart", "--json", ...files)
  // Nobody measured the two apart, and the owner signed nothing: the report says so first.
  expect(JSON.parse(stdout).data.report).toMatchObject({ posture: "shared", status: "INVALID" })
  expect(JSON.parse((await amc("verify", "--json")).stdout)).toMatchObject({ exit: 0 })
}

test(
  "T6: monitor and agent in two containers of deploy/compose.yaml: the agent has the gateway and nothing else",
  { timeout: 400_000 },
  async (context) => {
    const missing = !isRoot || spawnSync("docker-compose", ["version"]).error !== undefined
    const world = missing ? null : await makeWorld()
    const engines = world === null ? null : await startEngines(world)
    try {
      const docker = engines?.docker ?? "it takes root and docker-compose"
      if (world !== null && typeof docker !== "string")
        return await asTwoContainers(docker.socket, world)
      process.stderr.write(`NOT TESTED: deploy/compose.yaml: ${String(docker)}\n`)
      return context.skip(String(docker))
    } finally {
      await engines?.close()
      await world?.close()
    }
  },
)

async function asTwoContainers(engine: string, world: World): Promise<void> {
  importNode(engine, "amc-node")
  const state = join(top, "lib")
  for (const folder of [state, join(state, "workspace"), join(state, "state")]) {
    mkdirSync(folder, { mode: 0o700 })
    chownSync(folder, monitor, monitor)
  }
  writeFileSync(join(state, "key"), key, { mode: 0o400 })
  chownSync(join(state, "key"), monitor, monitor)
  // In the monitor's folder, since the provider of the test is no machine of the internet.
  const inside = await startModelServer({ apiKey: key, socketPath: join(state, "model.sock") })
  chownSync(join(state, "model.sock"), monitor, monitor)
  const host = await listenIn(world)
  const images = { AMC_IMAGE: "amc-node", AGENT_IMAGE: "amc-node" }
  const programs = { AMC_PROGRAM: clone, AGENT_PROGRAM: join(clone, "e2e/agents") }
  const composition = (more: Readonly<Record<string, string>> = {}): Composition => ({
    project: `amc${process.pid}`,
    env: {
      DOCKER_HOST: `unix://${engine}`,
      ...images,
      ...programs,
      AMC_STATE: state,
      AMC_PROVIDER: "scripted",
      ...more,
    },
  })
  const recorded: string[] = []
  const by = async (
    words: readonly string[],
    more?: Readonly<Record<string, string>>,
  ): Promise<string> => {
    recorded.push(words.join(" "))
    const { exit, stdout, stderr } = await compose(composition(more), ...words)
    expect(exit, stderr).toBe(0)
    return stdout
  }
  const amc = (...words: readonly string[]) => by(["run", "--rm", "-T", "monitor", ...words])
  try {
    const [, workspace = ""] = /^workspace +(\S+)/m.exec(await amc("init")) ?? []
    const dir = join(state, "workspace/.amc")
    const config = `v: 1\nworkspace: ${workspace}\nlane: main\nsecurity: {trustBoundaryMode: isolated}\n`
    writeFileSync(join(dir, "amc.config.yaml"), config)
    await amc("config", "sign", "amc.config.yaml")
    const inState = "/var/lib/amc"
    await amc(
      "provider",
      "add",
      "scripted",
      "--upstream",
      "http://localhost",
      "--socket",
      `${inState}/model.sock`,
      "--key-file",
      `${inState}/key`,
    )
    await by(["up", "-d", "monitor"])
    const says = join(state, "state/amc/workspaces/*/gateway.json")
    await expect.poll(() => globSync(says), { timeout: 60_000, interval: 200 }).toHaveLength(1)
    const lease = await by([
      "exec",
      "-T",
      "monitor",
      "node",
      "/opt/amc/packages/cli/bin/amc.js",
      "lease",
      "issue",
      "--agent",
      "apart",
      "--provider",
      "scripted",
      "--ttl",
      "1h",
    ])
    const known = {
      monitors: [
        inState,
        `${inState}/workspace/.amc/ledger/ledger.sqlite`,
        `${inState}/state`,
        `${inState}/key`,
        "/opt/amc",
      ],
      sockets: [`${inState}/model.sock`],
      tcp: [
        ...[22, 80, 3211, 3212].map((port) => ({ host: "monitor", port })),
        ...["192.0.2.2", ...bridges()].map((address) => ({ host: address, port: host.port })),
      ],
    }
    const words = [
      "-e",
      `KNOWN=${JSON.stringify(known)}`,
      "-e",
      "IS_APART=1",
      "agent",
      "node",
      "/agent/separated.ts",
    ]
    expectNothing(
      JSON.parse(await by(["run", "--rm", "-T", ...words], { AMC_LEASE: lease.trim() })) as Said,
    )
    await by(["stop", "monitor"])
    const { data } = JSON.parse(await amc("run", "--agent", "apart", "--json"))
    // The owner signed that the agent is apart, and nothing measured it: counted, and never HIGH TRUST.
    expect(data.report).toMatchObject({
      posture: "declared",
      status: "VALID",
      status_reasons: [expect.stringContaining("only the owner's signed config says")],
    })
    expect(recorded.filter((words) => !words.includes("config sign")).map(asDocumented)).toEqual(
      documented(),
    )
    expect(JSON.parse(await amc("verify", "--json"))).toMatchObject({ exit: 0 })
    expect(await hostAddressesOpen(composition(), host.port)).toEqual([])
  } finally {
    await compose(composition(), "down", "--volumes", "--timeout", "5")
    await inside.close()
  }
  try {
    // The same without its one line about the host: what that line is for can be seen from the agent's place.
    const open = { ...composition(), file: withoutInhibit(), project: `amc-open${process.pid}` }
    expect(await hostAddressesOpen(open, host.port)).not.toEqual([])
    await compose(open, "down", "--timeout", "5")
  } finally {
    host.close()
  }
}

/** The addresses of the host at which the agent's container reaches a service of the host's. */
async function hostAddressesOpen(place: Composition, port: number): Promise<readonly string[]> {
  const script = `const open = []; await Promise.all(${JSON.stringify(bridges())}.map((host) => new Promise((done) => {
    const socket = require("net").connect({ host, port: ${port}, timeout: 2000 }, () => { open.push(host); socket.destroy() })
    socket.on("timeout", () => socket.destroy()).on("error", () => {}).on("close", done) })));
    console.log(JSON.stringify(open))`
  const words = ["run", "--rm", "-T", "agent", "node", "-e", `(async () => { ${script} })()`]
  const { exit, stdout, stderr } = await compose(place, ...words)
  expect(exit, stderr).toBe(0)
  return JSON.parse(stdout) as readonly string[]
}

function withoutInhibit(): string {
  const text = readFileSync(join(clone, "deploy/compose.yaml"), "utf8")
  const changed = text.replace(/^ +driver_opts:\n.*inhibit_ipv4.*\n/m, "")
  expect(changed).not.toBe(text)
  const file = join(top, "open.yaml")
  writeFileSync(file, changed)
  return file
}

/** The session of docs/deployment.md, without what differs from place to place. */
function documented(): readonly string[] {
  const text = readFileSync(join(clone, "docs/deployment.md"), "utf8")
  const lines = text.matchAll(/docker compose -f deploy\/compose\.yaml (.+?)\)?$/gm)
  return [...lines].map(([, words = ""]) => words.replace(" -T ", " "))
}

/** The test's provider and agent in place of the document's, which has a terminal. */
function asDocumented(words: string): string {
  if (words.includes("/agent/separated.ts")) return "up agent"
  return words
    .replace(" -T ", " ")
    .replace(" --json", "")
    .replace(/--upstream \S+ --socket \S+/, "--upstream https://api.openai.com")
    .replaceAll("scripted", "openai")
    .replaceAll("apart", "my-agent")
    .replace("--ttl 1h", "--ttl 8h")
}

/** The host's address in each of the networks that an engine gives out first. */
function bridges(): readonly string[] {
  return [17, 18, 19, 20, 21, 22, 23].map((part) => `172.${part}.0.1`)
}

/** A service of the host's on all of its addresses, as there are many. */
async function listenIn(world: World): Promise<{ readonly port: number; close(): void }> {
  const script = `require("net").createServer((s) => s.end()).listen(0, "0.0.0.0", function () { console.log(this.address().port) })`
  const [file = "", ...rest] = [...world.network, process.execPath, "-e", script]
  const child = spawn(file, rest, { stdio: ["ignore", "pipe", "inherit"] })
  const [line] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string]
  return { port: Number(line), close: () => void child.kill("SIGKILL") }
}
