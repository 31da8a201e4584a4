import { existsSync, readFileSync } from "node:fs"
import { probeInside } from "../inside.ts"
import type { Engines } from "./matrix-engines.ts"

/** Settings of a kernel on which the outcome of some checks rests, whatever the box. */
const rests: Readonly<Record<string, readonly string[]>> = {
  "/proc/sys/kernel/unprivileged_bpf_disabled": ["surface.bpf"],
  "/proc/sys/kernel/perf_event_paranoid": ["surface.perf"],
  "/proc/sys/vm/unprivileged_userfaultfd": ["surface.userfaultfd"],
  "/proc/sys/dev/tty/legacy_tiocsti": ["surface.tiocsti"],
  "/proc/sys/kernel/io_uring_disabled": ["hardening.io_uring"],
  "/proc/sys/kernel/unprivileged_userns_clone": ["hardening.userns"],
  "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": ["hardening.userns"],
  "/proc/sys/kernel/yama/ptrace_scope": ["monitor.ptrace", "process.memory"],
  "/proc/sysrq-trigger": ["kernel.sysrq"],
  "/sys/kernel/uevent_helper": ["kernel.sys"],
  "/sys/fs/cgroup/cgroup.controllers": ["kernel.cgroup"],
}

const calls = "calls that this user can't make either"

/** What this kernel is set to: a value, `there` or `none`. */
export async function hostSettings(): Promise<ReadonlyMap<string, string>> {
  const { checks } = await probeInside({}, false)
  const never = checks.filter(
    ({ id, outcome }) => /^(?:surface|hardening)\.[a-z_]+$/.test(id) && outcome !== "reached",
  )
  const settings = Object.keys(rests).map((file) => [file, settingOf(file)] as const)
  return new Map([...settings, [calls, never.map(({ id }) => id).join(" ") || "none"]])
}

function settingOf(file: string): string {
  if (!existsSync(file)) return "none"
  return file.startsWith("/proc/sys/") ? readFileSync(file, "latin1").trim() : "there"
}

/** Lines for the committed file. */
export function renderSettings(
  settings: ReadonlyMap<string, string>,
  engines: Engines | undefined,
): string {
  const lines = [...settings].map(([setting, value]) => `- \`${setting}\`: ${value}`)
  for (const name of ["docker", "podman"] as const) {
    const engine = engines?.[name] ?? ""
    if (typeof engine !== "string") lines.push(`- ${name}: ${engine.version}`)
  }
  return `${lines.join("\n")}\n`
}

/** The settings in which the committed file was measured that are others here, and the checks that rest on them. */
export function otherSettings(
  markdown: string,
  settings: ReadonlyMap<string, string>,
): readonly { readonly setting: string; readonly checks: readonly string[] }[] {
  return [...settings].flatMap(([setting, value]) => {
    const before = markdown
      .split("\n")
      .find((line) => line.startsWith(`- \`${setting}\`: `))
      ?.slice(setting.length + 6)
    if (before === value) return []
    const all = `${value} ${before ?? ""}`.split(" ")
    const onOneSide = all.filter((id) => all.indexOf(id) === all.lastIndexOf(id))
    return [{ setting, checks: setting === calls ? onOneSide : (rests[setting] ?? []) }]
  })
}
