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
    sha256: "1c5e9d54c18d7b66cc650ac55881f61f51761cd9029098c3582419ad9534ffc1",
    compiler: "gcc (Debian 12.2.0-14+deb12u1) 12.2.0",
    musl: "1.2.3-1",
  },
}
