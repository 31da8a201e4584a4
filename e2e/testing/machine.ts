import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { clone, run } from "./amc.ts"

/** This machine with folders of its own in `/opt`, `/var/lib` and `/run`, as the units of `deploy/systemd` find it. */
export interface Machine {
  /** Words before a command that make it run there as a user. */
  as(uid: number): readonly string[]
  /** Runs a shell there, as root. */
  shell(script: string): Promise<string>
  close(): Promise<void>
}

const mounts = `
set -e
for folder in /opt /var/lib /run; do mount -t tmpfs -o mode=0755 none $folder; done
mkdir /opt/amc /opt/agent
mount --bind "$1" /opt/amc
mount --bind "$1/e2e/agents" /opt/agent
cp "$2" /opt/node
echo ready
exec sleep 3600`

/** Makes the machine. Needs root. Close it. */
export async function makeMachine(): Promise<Machine> {
  const own = ["--mount", "--propagation", "private", "--", "sh", "-c", mounts, "sh"]
  const holder = spawn("unshare", [...own, clone, process.execPath], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  const gone = once(holder, "exit")
  const [said] = (await Promise.race([once(holder.stdout, "data"), gone])) as unknown[]
  if (!Buffer.isBuffer(said)) throw new Error("no mounts can be made here, which needs root")
  const enter = ["nsenter", `--mount=/proc/${holder.pid}/ns/mnt`, "--"]
  const env = { PATH: process.env["PATH"] ?? "" }
  return {
    as: (uid) => [
      ...enter,
      "setpriv",
      `--reuid=${uid}`,
      `--regid=${uid}`,
      "--clear-groups",
      "--bounding-set=-all",
      "--inh-caps=-all",
      "--no-new-privs",
      "--",
    ],
    shell: async (script) => {
      const { exit, stdout, stderr } = await run([...enter, "sh", "-ec", script], { cwd: "/", env })
      if (exit !== 0) throw new Error(stderr)
      return stdout.trim()
    },
    close: async () => {
      holder.kill("SIGKILL")
      await gone
    },
  }
}

/** What a unit says, by name; a name that stands there twice has its last value. */
export function unit(name: string): ReadonlyMap<string, string> {
  const text = readFileSync(join(clone, "deploy/systemd", name), "utf8")
  return new Map(
    [...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, key = "", value = ""]) => [key, value]),
  )
}
