import { randomBytes } from "node:crypto"
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { startModelServer } from "../examples/model-server/src/server.ts"
import type { Said } from "./agents/separated.ts"
import { clone } from "./testing/amc.ts"
import { type BootedMachine, bootMachine } from "./testing/booted.ts"

/** An address of the machine's that is not its loopback's, with somebody who listens there. */
const elsewhere = { host: "192.0.2.9", port: 8080 }
const as = `monitor() { setpriv --reuid $1 --regid $1 --clear-groups -- env $2 "$@"; }`
/** Calls that the agent's unit filters. */
const calls = {
  x64: { keyctl: [250, 0, -3, 0], io_uring: [425, 1, 0], mount: [165, 0, 0, 0, 0, 0], bpf: [321] },
  arm64: { keyctl: [219, 0, -3, 0], io_uring: [425, 1, 0], mount: [40, 0, 0, 0, 0, 0], bpf: [280] },
}[process.arch as "x64"]

/** The session of docs/deployment.md, with the test's provider and no `sudo`. */
function documented(): { readonly monitor: string; readonly session: string } {
  const text = readFileSync(join(clone, "docs/deployment.md"), "utf8")
  const [, block = ""] = /```sh\n(systemd-sysusers [^`]*?)```/.exec(text) ?? []
  const [alias = "", user = "", words = ""] =
    /^alias monitor='sudo -u (\S+) env (.*)'$/m.exec(block) ?? []
  const monitor = as.replaceAll("$1", user).replace("$2", words)
  const session = block
    .replace(alias, monitor)
    .replace("https://api.openai.com", "http://localhost --socket /srv/model.sock")
    .replace("openai --upstream", "scripted --upstream")
    .replace("--provider openai", "--provider scripted")
    .replace(
      /^monitor lease/m,
      `${until("test -e /var/lib/amc/state/amc/workspaces/*/gateway.json")}$&`,
    )
  return { monitor, session }
}

/** Waits for it, and not for ever. */
function until(what: string): string {
  return `for i in $(seq 500); do ${what} && break; sleep 0.2; done\n`
}

/** Runs the agent that lives apart as its unit, with more lines in it, and gives what it said. */
async function runAgent(
  { shell }: BootedMachine,
  name: string,
  lease: string,
  more: readonly string[] = [],
): Promise<Said> {
  const { pid, socket } = JSON.parse(
    await shell("cat /var/lib/amc/state/amc/workspaces/*/gateway.json"),
  ) as { pid: number; socket: string }
  const known = {
    monitors: [
      "/var/lib/amc",
      "/var/lib/amc/workspace/.amc/ledger/ledger.sqlite",
      "/var/lib/amc/workspace/.amc/vault.amcvault",
      "/var/lib/amc/state",
      "/run/amc",
      "/run/credentials/amc-gateway.service",
      "/etc/amc",
      "/etc/amc/passphrase.root",
      `/etc/amc/agents/${name}.env`,
      "/run/openai-key",
      "/home/owner",
      "/tmp/owner/file",
      "/dev/owner/file",
    ],
    sockets: [socket, "/srv/model.sock"],
    tcp: [elsewhere],
    pid,
    unwritable: ["/usr", "/etc", "/opt/agent", "/var/lib", "/usr/anybody", "/etc/anybody"],
    calls,
  }
  const unit = `amc-agent@${name}.service`
  await shell(`install -d -m 0700 /etc/amc/agents; umask 077
cat >/etc/amc/agents/${name}.env <<'END'
OPENAI_BASE_URL=http://127.0.0.1:3210/scripted/v1
OPENAI_API_KEY=${lease}
AGENT_COMMAND=/usr/bin/node /opt/agent/separated.ts
KNOWN='${JSON.stringify(known)}'
END
mkdir -p /etc/systemd/system/${unit}.d
cat >/etc/systemd/system/${unit}.d/test.conf <<'END'
[Service]
StandardOutput=file:/run/said.${name}
${more.join("\n")}
END
systemctl daemon-reload
systemctl start ${unit}
${until(`! systemctl is-active -q ${unit}`)}`)
  const text = await shell(`cat /run/said.${name}`)
  if (text === "") throw new Error(await shell(`journalctl -u ${unit} -o cat`))
  return JSON.parse(text) as Said
}

function reached({ tried }: Said): readonly string[] {
  return Object.entries(tried).flatMap(([what, came]) => (came.startsWith("denied") ? [] : [what]))
}

test(
  "T6: the units as systemd runs them: the agent calls by its lease, and gets at nothing else",
  { timeout: 600_000 },
  async (context) => {
    const top = mkdtempSync(join(tmpdir(), "amc-e2e-"))
    onTestFinished(() => rmSync(top, { recursive: true, force: true }))
    chmodSync(top, 0o755)
    const key = `sk-scripted-${randomBytes(24).toString("base64url")}`
    const server = await startModelServer({ apiKey: key, socketPath: join(top, "model.sock") })
    onTestFinished(() => server.close())
    const machine = await bootMachine(top)
    if (typeof machine === "string") {
      process.stderr.write(`NOT TESTED: deploy/systemd as systemd runs it: ${machine}\n`)
      return context.skip(machine)
    }
    onTestFinished(() => machine.close())
    const { tried, shell } = machine
    const { host, port } = elsewhere
    // What a unit hides is open to anybody without it.
    await shell(`ip link set lo up; ip addr add ${host}/32 dev lo
      install -m 0644 /dev/null /run/openai-key; printf %s ${key} >/run/openai-key
      install -d -m 0777 /usr/anybody /etc/anybody; mkdir /home/owner /tmp/owner /dev/owner; touch /tmp/owner/file /dev/owner/file`)
    const listen = `node -e 'require("net").createServer((s) => s.end()).listen(${port}, "${host}")'`
    await shell(`setsid ${listen} >/dev/null 2>&1 </dev/null &
${until(`bash -c ': </dev/tcp/${host}/${port}' 2>/dev/null`)}`)

    const { monitor, session } = documented()
    await shell(
      "systemd-sysusers /opt/amc/deploy/systemd/amc.sysusers.conf; chown amc-monitor /srv/model.sock; chmod 0600 /srv/model.sock",
    )
    const lease = (await shell(`cd /opt/amc\n${session}`)).split("\n").at(-1) ?? ""
    await shell("systemctl is-active amc-gateway; chmod 0600 /run/openai-key")
    const pid = await shell("systemctl show --property MainPID --value amc-gateway")
    const status = await shell(`cat /proc/${pid}/status`)
    for (const line of [/^NoNewPrivs:\t1$/m, /^Seccomp:\t2$/m, /^CapBnd:\t0+$/m])
      expect(status).toMatch(line)
    const inUnit = `nsenter --target ${pid} --mount -- `
    expect((await tried(`${inUnit}touch /usr/x`)).stderr).toContain("Read-only file system")
    expect((await tried(`${inUnit}touch /var/lib/amc/x`)).exit).toBe(0)

    const apart = await runAgent(machine, "my-agent", lease)
    expect(reached(apart)).toEqual([])
    expect(Object.keys(apart.tried).length).toBeGreaterThan(60)
    expect(apart).toMatchObject({ called: 200, receipt: true, noLease: 401, names: [] })
    expect(apart.admin).toBeGreaterThanOrEqual(400)
    expect(apart.uid).toBeGreaterThanOrEqual(61_184)

    // The same agent without some lines of its unit, and with an error of the filter's own: what each is for can be seen.
    const open = await runAgent(machine, "open", lease, [
      "DynamicUser=no",
      "User=nobody",
      "IPAddressDeny=",
      "ProtectSystem=no",
      "ProtectHome=no",
      "PrivateDevices=no",
      "PrivateTmp=no",
      "PrivateUsers=no",
      "RestrictNamespaces=no",
      "SystemCallErrorNumber=EUCLEAN",
    ])
    expect([...reached(open)].sort()).toEqual(
      [
        "a user namespace",
        "list /home/owner",
        "read /dev/owner/file",
        "read /tmp/owner/file",
        `tcp ${host}:${port}`,
        "write /etc/anybody",
        "write /usr/anybody",
      ].sort(),
    )
    for (const name of Object.keys(calls))
      expect(open.tried[`call ${name}`]).toBe("denied exit 117")

    await shell("systemctl stop amc-gateway")
    expect(await shell("systemctl show --property Result --value amc-gateway")).toBe("success")
    const amc = (words: string) =>
      shell(`cd /var/lib/amc/workspace\n${monitor}\nmonitor ${words} --json`)
    const requests = await amc("ledger tail --agent my-agent --type llm_request")
    expect(requests.split("\n"), "one of each time that it ran").toHaveLength(2)
    const audits = await amc("ledger tail --type audit --lines 100")
    const codes = audits.split("\n").map((line) => JSON.parse(line).event.facts.measured.code)
    expect(codes).toEqual(expect.arrayContaining(["LEASE_REFUSED", "GATEWAY_REQUEST_REFUSED"]))
    // The unit's filters take nothing from the gateway that it needs.
    expect(codes).not.toContain("CHECKPOINT_FAILED")
    const slots = ["monitor", "auditor"]
    for (const slot of slots)
      await shell(`install -m 0400 -o amc-monitor /etc/amc/passphrase.${slot} /run/own.${slot}`)
    const files = slots.map((slot) => `--passphrase-file ${slot}=/run/own.${slot}`)
    const run = JSON.parse(await amc(`run --agent my-agent ${files.join(" ")}`))
    // Nobody measured the two apart, and the owner signed nothing: the report says so first.
    expect(run.data.report).toMatchObject({ posture: "shared", status: "INVALID" })
    expect(JSON.parse(await amc("verify"))).toMatchObject({ exit: 0 })
    return undefined
  },
)
