import { expect, test } from "vitest"
import type { HostFacts } from "./host.ts"
import { planBubblewrap } from "./plan.ts"
import type { SandboxSpec } from "./spec.ts"
import { toolNames } from "./tool.ts"

const host: HostFacts = {
  isRoot: true,
  user: { uid: 60_800, gid: 60_800 },
  tools: Object.fromEntries(
    toolNames.map((tool) => [tool, `/usr/bin/${tool}`]),
  ) as HostFacts["tools"],
  mayDisableUserns: true,
  probe: { file: "/root/project/dist/amc-probe-linux-x64", sha256: "11".repeat(32) },
  askingFilter: new Uint8Array(8),
  seccompProfile: "22".repeat(32),
  systemRoots: [
    { path: "/bin", target: "usr/bin" },
    { path: "/lib", target: null },
  ],
  masks: ["/root/project/.amc"],
  maskedFiles: [],
  hasPidsCgroup: true,
  runFolder: "/tmp/amc-box-1",
}
const spec: SandboxSpec = {
  readOnly: ["/root/project"],
  work: "/var/work",
  hidden: [],
  gatewaySocket: "/root/gw.sock",
  egressSocket: null,
  env: { PATH: "/usr/bin", KEY: "lease-4711" },
  command: ["agent"],
  limits: { memoryBytes: 1, pids: 2, timeoutMs: 3, fileBytes: 4, workBytes: 5 },
}
const line = (changes: Partial<HostFacts>): string =>
  planBubblewrap(spec, { ...host, ...changes }).argv.join(" ")

test("a plan is a function of its inputs, and its digest of what it says", () => {
  const { sha256 } = planBubblewrap(spec, host)
  expect(planBubblewrap({ ...spec }, { ...host }).sha256).toBe(sha256)
  for (const changed of [
    { command: ["other"] },
    { env: { PATH: "/usr/bin" } },
    { limits: { ...spec.limits, pids: 9 } },
    { limits: { ...spec.limits, workBytes: 9 } },
  ])
    expect(planBubblewrap({ ...spec, ...changed }, host).sha256).not.toBe(sha256)
  const probe = { ...host.probe, sha256: "33".repeat(32) }
  expect(planBubblewrap(spec, { ...host, probe }).sha256).not.toBe(sha256)
})

test("no value of the environment and no gateway socket is in it", () => {
  expect(line({})).not.toContain("lease-4711")
  expect(line({})).not.toContain("/root/gw.sock")
})

test("as root there is no user namespace and the agent's user has nothing left", () => {
  expect(line({})).not.toContain("--unshare-user")
  expect(line({})).toContain(
    "setpriv --reuid 60800 --regid 60800 --clear-groups --bounding-set=-all",
  )
})

test("without root there is a user namespace, with no other inside it", () => {
  const argv = line({ isRoot: false, user: { uid: 1000, gid: 1000 }, hasPidsCgroup: false })
  expect(argv).toContain("--unshare-user --disable-userns")
  expect(argv).not.toContain("setpriv")
  expect(argv).toContain("prlimit --core=1 --nproc=2 --fsize=4 --")
  expect(line({ isRoot: false, mayDisableUserns: false })).not.toContain("--disable-userns")
})

test("parents are open to the agent's user, and what lies in a mount is not mounted again", () => {
  expect(line({})).toContain("--perms 0755 --dir /root --ro-bind /root/project /root/project")
  const nested = planBubblewrap(
    { ...spec, readOnly: ["/root/project", "/root/project/inner", "/opt/node/bin"] },
    host,
  ).argv.join(" ")
  expect(nested).not.toContain("--ro-bind /root/project/inner")
  expect(nested).toContain("--dir /opt/node --ro-bind /opt/node/bin /opt/node/bin")
})

test("the probe is the last of what runs before the agent", () => {
  expect(line({})).toMatch(/ -- \/run\/amc\/probe$/)
  expect(line({})).toContain("--ro-bind /root/project/dist/amc-probe-linux-x64 /run/amc/probe")
})

test("a hidden file is shown empty, after the mount it lies in", () => {
  const argv = line({ maskedFiles: ["/root/project/check.mjs"] })
  const mask = "--ro-bind /tmp/amc-box-1/empty /root/project/check.mjs"
  expect(argv.indexOf(mask)).toBeGreaterThan(argv.indexOf("--ro-bind /root/project /root/project"))
})

test("every .amc is under a read-only mask that comes after its mount", () => {
  expect(line({}).indexOf("--ro-bind /tmp/amc-box-1/nothing /root/project/.amc")).toBeGreaterThan(
    line({}).indexOf("--ro-bind /root/project /root/project"),
  )
  expect(line({})).toContain("--symlink usr/bin /bin --ro-bind /lib /lib")
})
