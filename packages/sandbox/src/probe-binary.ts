import { existsSync, readFileSync } from "node:fs"
import path from "node:path"
import { AmcError, sha256Hex } from "@amc/core"
import { type ProbeBuild, probeBuilds } from "./probe-digest.ts"

/** The probe's program on this machine. */
export interface ProbeBinary {
  readonly file: string
  readonly sha256: string
}

let found: ProbeBinary | undefined

/**
 * The probe for this machine: its bytes are those that this version of AMC was made with.
 *
 * @throws {@link AmcError} `sandbox/unavailable` on a system or processor that there is none for, and if it
 *   is missing or was changed
 */
export function probeBinary(): ProbeBinary {
  found ??= findBinary(buildFor(process.platform, process.arch))
  return found
}

/** @throws {@link AmcError} `sandbox/unavailable` */
export function buildFor(platform: string, arch: string): ProbeBuild {
  const build = Object.hasOwn(probeBuilds, arch) ? probeBuilds[arch] : undefined
  if (platform === "linux" && build !== undefined) return build
  throw new AmcError(
    "sandbox/unavailable",
    `there is no isolation probe for ${platform} on ${arch}`,
    {
      hint: "run AMC on Linux on x64",
    },
  )
}

/** @throws {@link AmcError} `sandbox/unavailable` */
export function findBinary(build: ProbeBuild, folder: string = import.meta.dirname): ProbeBinary {
  // Beside the built program, or among this room's sources.
  const places = [path.join(folder, build.file), path.join(folder, "../probe", build.file)]
  const file = places.find((place) => existsSync(place))
  if (file === undefined)
    throw new AmcError("sandbox/unavailable", `${build.file} is missing`, { hint })
  const sha256 = sha256Hex(readFileSync(file))
  if (sha256 !== build.sha256)
    throw new AmcError("sandbox/unavailable", `${build.file} is not the one of this version`, {
      hint,
    })
  return { file, sha256 }
}

const hint = "install AMC again"
