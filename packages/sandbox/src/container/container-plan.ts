import path from "node:path"
import { canonicalize, sha256Hex } from "@amc/core"
import type { PlanFacts } from "../driver.ts"
import { withoutNested } from "../plan.ts"
import { inBox, type SandboxSpec } from "../spec.ts"
import { emptyNames } from "../try-counter.ts"
import type { ContainerHost } from "./container-host.ts"
import { ownerLabel } from "./owner.ts"

/** How a run is to be started, and all that `launchContainer` needs. */
export interface ContainerPlan extends PlanFacts {
  /** The body of the engine's `POST /containers/create`. */
  readonly body: ContainerBody
  readonly spec: SandboxSpec
  readonly host: ContainerHost
}

/** A container as the engine API takes it. The agent's environment is not in it: that goes in through the probe. */
export type ContainerBody = Readonly<Record<string, unknown>> & {
  readonly HostConfig: Readonly<Record<string, unknown>> & { readonly Mounts: readonly Mount[] }
}

interface Mount {
  readonly Type: "bind"
  readonly Source: string
  readonly Target: string
  readonly ReadOnly: boolean
  readonly BindOptions: { readonly Propagation: "rprivate"; readonly NonRecursive: true }
}

const tmpfs = `rw,exec,nosuid,nodev,size=${256 * 1024 * 1024},mode=1777`
const sharedMemoryBytes = 64 * 1024 * 1024
/** Half of what containers have by default, so that the monitor has its turn. */
const cpuShares = 512

/** Says how the box is built. Pure: the same spec and host give the same plan. */
export function planContainer(spec: SandboxSpec, host: ContainerHost): ContainerPlan {
  const body = bodyOf(spec, host)
  const { driver, image, network, probe, seccomp } = host
  const described = {
    body,
    driver,
    layers: image.layersSha256,
    env_names: Object.keys(spec.env).sort(),
    command: [...spec.command],
    limits: { ...spec.limits },
    network,
    probe_sha256: probe.sha256,
    seccomp_profile: seccomp.sha256,
  }
  return {
    driver,
    sha256: sha256Hex(canonicalize(described as never)),
    words: Object.keys(body).length + Object.keys(body.HostConfig).length,
    mounts: body.HostConfig.Mounts.length,
    limits: spec.limits,
    probeSha256: probe.sha256,
    image,
    network,
    body,
    spec,
    host,
  }
}

function bodyOf(spec: SandboxSpec, host: ContainerHost): ContainerBody {
  const { uid, gid } = host.user
  return {
    Image: host.image.id,
    Entrypoint: [inBox.probe, "init", inBox.leash, inBox.probe],
    Cmd: [],
    // What an image has its health told by would run beside the probe, and could change it before it answers.
    Healthcheck: { Test: ["NONE"] },
    Env: [],
    User: `${uid}:${gid}`,
    WorkingDir: inBox.work,
    Hostname: "sandbox",
    Labels: { [ownerLabel]: host.owner },
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
    HostConfig: hostConfig(spec, host),
  }
}

function hostConfig(spec: SandboxSpec, host: ContainerHost): ContainerBody["HostConfig"] {
  const { memoryBytes, pids, fileBytes } = spec.limits
  const same = (Name: string, value: number): object => ({ Name, Soft: value, Hard: value })
  return {
    NetworkMode: host.network === "none" ? "none" : host.run,
    IpcMode: "private",
    CgroupnsMode: "private",
    Privileged: false,
    ReadonlyRootfs: true,
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges", `seccomp=${seccompOf(host)}`],
    Memory: memoryBytes,
    // With swap it would not be a limit.
    MemorySwap: memoryBytes,
    PidsLimit: pids,
    CpuShares: cpuShares,
    ShmSize: sharedMemoryBytes,
    Ulimits: [
      // One byte, with which the kernel makes none at all, not even for a program of the host's.
      same("core", 1),
      same("fsize", fileBytes),
      same("nofile", host.mostFiles),
      same("nproc", host.mostProcesses),
    ],
    Tmpfs: { "/tmp": tmpfs, "/var/tmp": tmpfs, [inBox.home]: tmpfs },
    Mounts: mountsOf(spec, host),
    LogConfig: { Type: "none" },
    RestartPolicy: { Name: "no" },
  }
}

/** Docker takes the profile itself, podman the name of its file. */
function seccompOf({ driver, seccomp, runFolder }: ContainerHost): string {
  return driver === "docker" ? JSON.stringify(seccomp.profile) : path.join(runFolder, "seccomp")
}

function mountsOf(spec: SandboxSpec, host: ContainerHost): readonly Mount[] {
  const own = (name: string): string => path.join(host.runFolder, name)
  const readOnly = withoutNested([...(host.isOwnImage ? ["/usr"] : []), ...spec.readOnly])
  return [
    ...(host.isOwnImage ? systemMounts(host) : []),
    ...readOnly.map((folder) => bind(folder)),
    // An engine would mount its own, and forward names to the host's resolver.
    ...["hosts", "hostname", "resolv.conf"].map((name) => bind(own(`etc/${name}`), `/etc/${name}`)),
    ...host.masks.map((mask) => bind(own(emptyNames.folder), mask)),
    ...host.maskedFiles.map((file) => bind(own(emptyNames.file), file)),
    { ...bind(spec.work, inBox.work), ReadOnly: false },
    bind(host.probe.file, inBox.probe),
    bind(own("leash"), inBox.leash),
  ]
}

function systemMounts({ systemRoots, runFolder, sharedEtc }: ContainerHost): Mount[] {
  return [
    ...systemRoots.filter(({ target }) => target === null).map(({ path: root }) => bind(root)),
    bind(path.join(runFolder, "etc"), "/etc"),
    ...sharedEtc.map((shared) => bind(shared)),
  ]
}

/** What is mounted within a folder of this machine stays behind: engines would leave that writable. */
function bind(source: string, target: string = source): Mount {
  return {
    Type: "bind",
    Source: source,
    Target: target,
    ReadOnly: true,
    BindOptions: { Propagation: "rprivate", NonRecursive: true },
  }
}
