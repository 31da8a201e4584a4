import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, rmdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { childrenOf } from "../../packages/sandbox/src/outside.ts"
import { clone, type Ended, run } from "./amc.ts"

/** This machine's programs under a systemd of their own, as its first process. */
export interface BootedMachine {
  /** Runs a shell there, as root, for two minutes at most. */
  tried(script: string): Promise<Ended>
  /** The same, and what it printed; throws where it fails. */
  shell(script: string): Promise<string>
  close(): Promise<void>
}

const systemd = "/lib/systemd/systemd"

/**
 * Holds the machine until its input ends, which it also does when the test is killed; then all of it goes. Its first process
 * joins a cgroup of its own, since systemd takes the one that it finds itself in for the machine's.
 */
const hold = `
top=$1 group=amc-test-$$
mount -t tmpfs none $top && mkdir $top/cgroup $top/upper $top/work $top/root &&
  mount -t cgroup2 none $top/cgroup && mkdir $top/cgroup/$group || exit
exec 3<&0
(echo 0 >$top/cgroup/$group/cgroup.procs && exec unshare --cgroup --uts --ipc --net --mount --pid --fork --kill-child -- bash -ec "$2" bash "$@") &
machine=$!
cat <&3 >/dev/null &
echo $machine
wait -n
exec >/dev/null 2>&1 # Nobody may be left to read it.
echo 1 >$top/cgroup/$group/cgroup.kill
kill -KILL $machine $!
wait
for i in $(seq 100); do
  find $top/cgroup/$group -depth -type d -exec rmdir {} +
  [ -d $top/cgroup/$group ] || break
  sleep 0.1
done
umount -R $top; rmdir $top`

/** The root of the machine's is this one's under a layer of its own; what is the kernel's can't be changed from in there. */
const boot = `
top=$1 clone=$3 node=$4 shared=$5
mount -t overlay overlay -o lowerdir=/,upperdir=$top/upper,workdir=$top/work $top/root
cd $top/root
mount -t proc none proc
mount --bind proc/sys proc/sys
mount -o remount,ro,bind proc/sys
mount -t sysfs -o ro none sys
mount -t cgroup2 none sys/fs/cgroup
for folder in run tmp dev var/lib opt home srv; do mount -t tmpfs -o mode=0755 none $folder; done
chmod 1777 tmp
mkdir dev/pts dev/shm opt/amc opt/agent
mount -t devpts -o newinstance,ptmxmode=0666 none dev/pts
ln -s pts/ptmx dev/ptmx
for device in null zero full random urandom tty; do touch dev/$device; mount --bind /dev/$device dev/$device; done
mount --bind $clone opt/amc
mount --bind $clone/e2e/agents opt/agent
mount --bind $shared srv
rm -f usr/bin/node
touch usr/bin/node
mount --bind $node usr/bin/node
rm -rf etc/systemd/system etc/machine-id
mkdir etc/systemd/system
: >etc/machine-id
touch etc/amc-booted
pivot_root . mnt
exec setpriv --bounding-set=-sys_module,-sys_boot,-sys_time,-syslog,-mknod,-sys_rawio env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c 'umount -l /mnt; mount --make-rshared /; exec ${systemd} --system --unit=basic.target --show-status=no --log-target=journal'`

/** Boots it; says why where that can't be done. The test's folder \`shared\` is its \`/srv\`. Close it. */
export async function bootMachine(shared: string): Promise<BootedMachine | string> {
  if (process.getuid?.() !== 0) return "a systemd can be booted by root alone"
  if (!existsSync(systemd)) return "there is no systemd"
  const top = mkdtempSync(join(tmpdir(), "amc-boot-"))
  const own = ["--mount", "--", "bash", "-c", hold, "bash"]
  const words = [top, boot, clone, process.execPath, shared]
  const holder = spawn("unshare", [...own, ...words], { detached: true })
  const gone = once(holder, "exit")
  const said = { stdout: "", stderr: "" }
  for (const name of ["stdout", "stderr"] as const)
    holder[name].setEncoding("utf8").on("data", (piece: string) => (said[name] += piece))
  const tried = (script: string): Promise<Ended> => {
    const [pid] = childrenOf(Number(said.stdout))
    // Before its root is its own, a command would find this machine's.
    if (!existsSync(`/proc/${pid}/root/etc/amc-booted`))
      return Promise.resolve({ exit: 1, stdout: "", stderr: "the machine is not up" })
    const enter = ["nsenter", "--target", String(pid), "--all", "--root", "--wd", "--"]
    const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" }
    return run(["timeout", "-k", "5", "120", ...enter, "sh", "-ec", script], { cwd: "/", env })
  }
  const machine: BootedMachine = {
    tried,
    shell: async (script) => {
      const { exit, stdout, stderr } = await tried(script)
      if (exit !== 0) throw new Error(`${script}: ${exit}: ${stdout}${stderr}`)
      return stdout.trim()
    },
    close: async () => {
      holder.stdin.end()
      await gone
      if (existsSync(top)) rmdirSync(top)
    },
  }
  for (let tries = 0; tries < 300 && holder.exitCode === null; tries++) {
    if ((await tried("systemctl is-active -q basic.target")).exit === 0) return machine
    await pause(100)
  }
  await machine.close()
  return `no systemd can be booted here: ${said.stderr.trim().slice(-300)}`
}
