import { assert, constantFrom, property } from "fast-check"
import { expect, test } from "vitest"
import {
  agreedFacts,
  agreedProbeFacts,
  hardeningChecks,
  hardeningTries,
  judgeIsolation,
  type ProbeCheck,
  type ProbeRecord,
  requiredDenials,
  requiredReaches,
  requiredTries,
  type SeenValue,
} from "./isolation.ts"

const view: Record<string, SeenValue> = {
  uid: 60_800,
  gid: 60_800,
  groups: "",
  cap_eff: "0000000000000000",
  cap_bnd: "0000000000000000",
  no_new_privs: 1,
  seccomp: 2,
  interfaces: "lo",
  default_route: false,
  root_read_only: true,
}
for (const name of ["user", "cgroup", "mnt", "pid", "net", "ipc", "uts"])
  view[`ns_${name}`] = `${name}:[2]`
const outside: Record<string, SeenValue> = { ...view, memory_limit_bytes: 1, pids_limit: 1 }
for (const name of ["mnt", "pid", "net", "ipc", "uts"])
  outside[`monitor_ns_${name}`] = `${name}:[1]`

const good: ProbeRecord = {
  checks: [
    ...[...requiredDenials, ...hardeningChecks].map((id): ProbeCheck => ({
      id,
      expect: "denied",
      outcome: "denied",
      control: "reached",
    })),
    ...requiredReaches.map((id): ProbeCheck => ({
      id,
      expect: "reached",
      outcome: "reached",
      control: "none",
    })),
  ],
  inside: view,
  outside,
  agree: true,
}

const withCheck = (id: string, change: Partial<ProbeCheck>): ProbeRecord => ({
  ...good,
  checks: good.checks.map((check) => (check.id === id ? { ...check, ...change } : check)),
})
const withBoth = (change: Record<string, SeenValue>): ProbeRecord => ({
  ...good,
  inside: { ...view, ...change },
  outside: { ...outside, ...change },
})
const withOutside = (change: Record<string, SeenValue>): ProbeRecord => ({
  ...good,
  outside: { ...outside, ...change },
})

test("a record in which everything holds is measured and hardened", () => {
  expect(judgeIsolation(good)).toEqual({ posture: "measured", hardened: true, reasons: [] })
})

test.each([
  {
    why: "a secret was reached",
    record: withCheck("file.vault", { outcome: "reached" }),
    reason: "file.vault was reached",
  },
  {
    why: "a check is inconclusive",
    record: withCheck("udp.loopback", { outcome: "inconclusive" }),
    reason: "udp.loopback is inconclusive",
  },
  {
    why: "a control failed",
    record: withCheck("file.canary", { control: "denied" }),
    reason: "file.canary has no control that reached",
  },
  {
    why: "a control is missing",
    record: withCheck("file.canary", { control: "none" }),
    reason: "file.canary has no control that reached",
  },
  {
    why: "the gateway was not reached",
    record: withCheck("gateway.http", { outcome: "denied" }),
    reason: "gateway.http was not reached",
  },
  {
    why: "a must-deny check was turned round",
    record: withCheck("file.vault", { expect: "reached", outcome: "reached" }),
    reason: "file.vault was not checked",
  },
  {
    why: "a must-reach check was turned round",
    record: withCheck("gateway.http", { expect: "denied" }),
    reason: "gateway.http was not checked",
  },
  {
    why: "an id stands twice and one failed",
    record: {
      ...good,
      checks: [
        ...good.checks,
        { id: "file.vault", expect: "denied", outcome: "reached", control: "reached" } as const,
      ],
    },
    reason: "file.vault was reached",
  },
  {
    why: "the network is the monitor's",
    record: withOutside({ monitor_ns_net: "net:[2]" }),
    reason: "the net namespace is the monitor's",
  },
  {
    why: "there is another interface",
    record: withBoth({ interfaces: "eth0 lo" }),
    reason: "there is a network interface beside loopback",
  },
  {
    why: "there is a default route",
    record: withBoth({ default_route: true }),
    reason: "there is a default route",
  },
  { why: "the agent is root", record: withBoth({ uid: 0 }), reason: "the agent is uid 0" },
  {
    why: "the agent has capabilities",
    record: withBoth({ cap_eff: "0000000000000001" }),
    reason: "the agent has capabilities",
  },
  {
    why: "a capability set is no text",
    record: withBoth({ cap_eff: 0 }),
    reason: "the agent has capabilities",
  },
])("is shared if $why", ({ record, reason }) => {
  const verdict = judgeIsolation(record)
  expect(verdict).toMatchObject({ posture: "shared", hardened: false })
  expect(verdict.reasons).toContain(reason)
})

test.each([
  {
    why: "a hardening check failed",
    record: withCheck("hardening.userns", { outcome: "reached" }),
    reason: "hardening.userns was reached",
  },
  {
    why: "a hardening check has no control",
    record: withCheck("hardening.userns", { control: "denied" }),
    reason: "hardening.userns has no control that reached",
  },
  {
    why: "a hardening check is missing",
    record: { ...good, checks: good.checks.filter((c) => c.id !== "hardening.userns") },
    reason: "hardening.userns was not checked",
  },
  { why: "there is no filter", record: withBoth({ seccomp: 0 }), reason: "no seccomp filter" },
  {
    why: "privileges can be gained",
    record: withBoth({ no_new_privs: 0 }),
    reason: "no_new_privs is not set",
  },
  {
    why: "the bounding set is not empty",
    record: withBoth({ cap_bnd: "000001ffffffffff" }),
    reason: "the bounding set is not empty",
  },
  {
    why: "the root is writable",
    record: withBoth({ root_read_only: false }),
    reason: "the root is writable",
  },
  {
    why: "memory is not limited",
    record: withOutside({ memory_limit_bytes: 0 }),
    reason: "no memory limit in force",
  },
  {
    why: "processes are not limited",
    record: withOutside({ pids_limit: 0 }),
    reason: "no process limit in force",
  },
])("is measured but not hardened if $why", ({ record, reason }) => {
  expect(judgeIsolation(record)).toEqual({
    posture: "measured",
    hardened: false,
    reasons: [reason],
  })
})

const digest = "ab".repeat(32)
const probeView: Record<string, SeenValue> = {
  ...view,
  ...Object.fromEntries(agreedProbeFacts.map((name) => [name, `agent-${name}`])),
  rlimit_core: "1",
}
/** What the probe's program records, with no control where there can be none. */
const program: ProbeRecord = {
  ...good,
  checks: [
    ...good.checks.map((check) =>
      check.expect === "denied" ? check : ({ ...check, control: "denied" } as const),
    ),
    ...requiredTries.map((id) => walled(id, id.startsWith("monitor.") ? "reached" : "stand_in")),
    ...hardeningTries.map((id) => walled(id, id.startsWith("surface.") ? "denied" : "reached")),
  ],
  inside: probeView,
  outside: {
    ...outside,
    ...probeView,
    exe_sha256: digest,
    seccomp_profile: digest,
    ingress: "run-socket",
  },
  probe_sha256: digest,
}

function walled(id: string, control: ProbeCheck["control"]): ProbeCheck {
  return { id, expect: "denied", outcome: "denied", control }
}

function programWith(id: string, change: Partial<ProbeCheck>): ProbeRecord {
  const checks = program.checks.map((check) => (check.id === id ? { ...check, ...change } : check))
  return { ...program, checks }
}

function programSeen(change: Record<string, SeenValue>): ProbeRecord {
  return { ...program, outside: { ...program.outside, ...change } }
}

function programOnNetwork(network_closed: string): ProbeRecord {
  const network = { interfaces: "eth0 lo", default_route: true }
  const { inside } = program
  return { ...programSeen({ ...network, network_closed }), inside: { ...inside, ...network } }
}

test.each([
  { why: "rules that were not read back", record: programOnNetwork("") },
  { why: "rules by another name", record: programOnNetwork("closed") },
])("a network with interfaces and $why is shared", ({ record }) => {
  expect(judgeIsolation(record)).toMatchObject({
    posture: "shared",
    reasons: ["there is a network interface beside loopback", "there is a default route"],
  })
})

test("a record of the probe's program in which everything holds is hardened", () => {
  expect(judgeIsolation(program)).toEqual({ posture: "measured", hardened: true, reasons: [] })
})

test.each([
  {
    why: "another program was at the barrier",
    record: programSeen({ exe_sha256: "cd".repeat(32) }),
    reason: "the process at the barrier is not the probe",
  },
  {
    why: "a socket of docker was reached that the monitor itself can't reach",
    record: programWith("engine.docker", { outcome: "reached" }),
    reason: "engine.docker was reached",
  },
  {
    why: "the monitor could be traced",
    record: programWith("monitor.ptrace", { outcome: "reached" }),
    reason: "monitor.ptrace was reached",
  },
  {
    why: "nobody could trace the stand, the monitor neither",
    record: programWith("monitor.ptrace", { outcome: "inconclusive", control: "denied" }),
    reason: "monitor.ptrace has no control that reached",
  },
  {
    why: "the gateway's check was not seen to fail elsewhere",
    record: programWith("gateway.http", { control: "none" }),
    reason: "gateway.http has no control that was denied",
  },
  {
    why: "the gateway's check finds one where there is none",
    record: programWith("gateway.http", { control: "reached" }),
    reason: "gateway.http has no control that was denied",
  },
  {
    why: "the views differ on mounts",
    record: programSeen({ mounts: 3 }),
    reason: "inside and outside differ on mounts",
  },
])("a record of the probe's program is shared if $why", ({ record, reason }) => {
  expect(judgeIsolation(record)).toEqual({ posture: "shared", hardened: false, reasons: [reason] })
})

test.each([
  {
    why: "a call went through that nobody else here can make",
    record: programWith("surface.bpf", { outcome: "reached" }),
    reason: "surface.bpf was reached",
  },
  {
    why: "there was no stand-in for an engine",
    record: programWith("engine.docker", { outcome: "inconclusive", control: "denied" }),
    reason: "engine.docker has no control that reached",
  },
  {
    why: "the internet did not answer in time",
    record: programWith("internet.dns", { outcome: "inconclusive" }),
    reason: "internet.dns is inconclusive",
  },
  {
    why: "vsock has no control",
    record: programWith("hardening.vsock", { control: "denied" }),
    reason: "hardening.vsock has no control that reached",
  },
  {
    why: "the filter is another",
    record: programSeen({ seccomp_profile: "" }),
    reason: "the seccomp filter is not AMC's",
  },
  {
    why: "others share the way in",
    record: programSeen({ ingress: "loopback" }),
    reason: "the gateway has no way in of this run alone",
  },
  {
    why: "its network is closed by rules that the monitor read back",
    record: programOnNetwork("ab".repeat(32)),
    reason: "the network is closed by rules, and not by there being none",
  },
  {
    why: "core dumps can be made",
    record: {
      ...programSeen({ rlimit_core: "unlimited" }),
      inside: { ...probeView, rlimit_core: "unlimited" },
    },
    reason: "core dumps are not off",
  },
  {
    why: "core dumps can still be piped to a program",
    record: {
      ...programSeen({ rlimit_core: "0" }),
      inside: { ...probeView, rlimit_core: "0" },
    },
    reason: "core dumps are not off",
  },
])("a record of the probe's program is not hardened if $why", ({ record, reason }) => {
  expect(judgeIsolation(record)).toEqual({
    posture: "measured",
    hardened: false,
    reasons: [reason],
  })
})

test("what the probe's program must try can't be left out", () => {
  for (const id of [...requiredTries, ...hardeningTries]) {
    const checks = program.checks.filter((check) => check.id !== id)
    const { reasons, hardened } = judgeIsolation({ ...program, checks })
    expect({ reasons, hardened }).toEqual({ reasons: [`${id} was not checked`], hardened: false })
  }
})

test("any required check that is left out makes it shared", () => {
  for (const id of [...requiredDenials, ...requiredReaches]) {
    const checks = good.checks.filter((check) => check.id !== id)
    expect(judgeIsolation({ ...good, checks }).reasons).toEqual([`${id} was not checked`])
  }
})

test("any fact on which the two views differ, or that one lacks, makes it shared, whatever agree says", () => {
  for (const name of agreedFacts) {
    const { [name]: _, ...without } = view
    expect(judgeIsolation({ ...good, inside: without }).posture).toBe("shared")
    expect(judgeIsolation({ ...good, inside: { ...view, [name]: "other" } }).posture).toBe("shared")
    expect(
      judgeIsolation({ ...good, inside: without, outside: { ...outside, [name]: "x" } }).posture,
    ).toBe("shared")
  }
})

test("an empty record is shared, and inherited names are no facts", () => {
  expect(judgeIsolation({ checks: [], inside: {}, outside: {}, agree: true }).posture).toBe(
    "shared",
  )
})

test("no outcome but the good one keeps a check's record measured", () => {
  const outcomes = ["denied", "reached", "inconclusive"] as const
  const controls = ["reached", "denied", "none"] as const
  assert(
    property(
      constantFrom(...requiredDenials),
      constantFrom(...outcomes),
      constantFrom(...controls),
      (id, outcome, control) => {
        const isGood = outcome === "denied" && control === "reached"
        expect(judgeIsolation(withCheck(id, { outcome, control })).posture).toBe(
          isGood ? "measured" : "shared",
        )
      },
    ),
  )
})
