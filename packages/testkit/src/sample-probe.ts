import {
  hardeningChecks,
  type ProbeCheck,
  type ProbeRecord,
  requiredDenials,
  requiredReaches,
  type SeenValue,
} from "@amc/core"

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
  ...namespaces("ns_", ["user", "cgroup", "mnt", "pid", "net", "ipc", "uts"], 2),
}

/** The record of a probe in a box that holds and is hardened. */
export const sampleProbe: ProbeRecord = {
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
  outside: {
    ...view,
    memory_limit_bytes: 1,
    pids_limit: 1,
    ...namespaces("monitor_ns_", ["mnt", "pid", "net", "ipc", "uts"], 1),
  },
  agree: true,
}

function namespaces(
  prefix: string,
  names: readonly string[],
  inode: number,
): Record<string, SeenValue> {
  return Object.fromEntries(names.map((name) => [`${prefix}${name}`, `${name}:[${inode}]`]))
}
