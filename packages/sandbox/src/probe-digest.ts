/** What the probe's committed binary is, and what it was built with (packages/sandbox/probe/build.sh). */
export interface ProbeBuild {
  readonly file: string
  readonly sha256: string
  /** The first line of `gcc --version`, and Debian's version of musl. */
  readonly compiler: string
  readonly musl: string
}

/** By Node's name of the processor. */
export const probeBuilds: Readonly<Record<string, ProbeBuild>> = {
  x64: {
    file: "amc-probe-linux-x64",
    sha256: "8c89e0f4ae417810d8f5fb752bf14458c6b4891916aecf80e21ed55163dcea05",
    compiler: "gcc (Debian 12.2.0-14+deb12u1) 12.2.0",
    musl: "1.2.3-1",
  },
}
