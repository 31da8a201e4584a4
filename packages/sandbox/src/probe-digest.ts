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
    sha256: "fda2e3791d98bbdcad4c3fd8c857e33a9b020266651b5e4a2685db2d98c79f71",
    compiler: "gcc (Debian 12.2.0-14+deb12u1) 12.2.0",
    musl: "1.2.3-1",
  },
}
