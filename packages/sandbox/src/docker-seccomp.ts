import { canonicalize, sha256Hex } from "@amc/core"
import { refusedArguments, socketFamilies, tableOf } from "./seccomp.ts"

interface Condition {
  readonly index: number
  readonly op: "SCMP_CMP_MASKED_EQ" | "SCMP_CMP_GT"
  readonly value: number
  readonly valueTwo?: number
}

interface Rule {
  readonly names: readonly string[]
  readonly action: "SCMP_ACT_ERRNO"
  readonly errnoRet: number
  readonly args?: readonly Condition[]
}

/** The system call filter as an engine's API takes it, as JSON in `--security-opt seccomp=`. */
export interface DockerSeccompProfile {
  readonly profile: {
    readonly defaultAction: "SCMP_ACT_ALLOW"
    readonly archMap: readonly { readonly architecture: string; readonly subArchitectures: [] }[]
    readonly syscalls: readonly Rule[]
  }
  /** Of the profile's canonical JSON: `seccomp_profile` of a box that has it. */
  readonly sha256: string
}

const architectures: Readonly<Record<string, string>> = {
  x64: "SCMP_ARCH_X86_64",
  arm64: "SCMP_ARCH_AARCH64",
}
const [eperm, enosys] = [1, 38]
const word = 0xffff_ffff
/** The families that the kernel knows end far below. */
const highestFamily = 63

/**
 * The same list as `seccompFilters` for engines that make their own filter. With no other architecture, calls of
 * another ABI end the process.
 *
 * @throws {@link AmcError} `sandbox/unavailable` on a processor that there is no table for
 */
export function dockerSeccompProfile(arch: string): DockerSeccompProfile {
  const table = tableOf(arch)
  const families = Array.from({ length: highestFamily + 1 }, (_, family) => family)
  const sockets = ["socket", "socketpair"]
  const profile = {
    defaultAction: "SCMP_ACT_ALLOW",
    archMap: [{ architecture: architectures[arch] ?? "", subArchitectures: [] as [] }],
    syscalls: [
      refuse(Object.keys(table.denied)),
      { ...refuse(["clone3"]), errnoRet: enosys },
      // The kernel looks at the low word alone, so what is above it must not make a difference here.
      ...refusedArguments.map(({ call, arg, mask, value }) =>
        refuse([call], [masked(arg, mask, value)]),
      ),
      ...families
        .filter((family) => !socketFamilies.includes(family))
        .map((family) => refuse(sockets, [masked(0, word, family)])),
      // A number above the highest, or with bits above the low word: no honest caller has one.
      refuse(sockets, [{ index: 0, op: "SCMP_CMP_GT", value: highestFamily }]),
    ],
  } as const
  return { profile, sha256: sha256Hex(canonicalize(profile as never)) }
}

function refuse(names: readonly string[], args?: readonly Condition[]): Rule {
  const rule = { names, action: "SCMP_ACT_ERRNO", errnoRet: eperm } as const
  return args === undefined ? rule : { ...rule, args }
}

function masked(index: number, mask: number, value: number): Condition {
  return { index, op: "SCMP_CMP_MASKED_EQ", value: mask, valueTwo: value }
}
