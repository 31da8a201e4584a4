import { execFileSync } from "node:child_process"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { DeniedTries } from "./try-counter.ts"
import { childrenOf } from "./outside.ts"
import { collect, makeRig, open, type Rig } from "./testing/rig.ts"

let rig: Rig
beforeAll(async () => {
  rig = await makeRig()
})
afterAll(() => rig.close())

/** Makes calls by their numbers on x64, and says what came of each. */
const calls = (...each: readonly (readonly number[])[]): string =>
  `perl -e '${each.map((words) => `syscall(${words.join(",")}) == -1 and print $!+0, " "; `).join("")}'`

interface Tried {
  readonly out: string
  readonly tries: DeniedTries | null
}

async function tried(script: string): Promise<Tried> {
  const box = await open(rig.spec(["sh", "-c", script]))
  await box.runProbe(rig.targets)
  await box.go()
  const { out } = await collect(box)
  return { out, tries: box.deniedTries() }
}

const countOf = ({ tries }: Tried): Record<string, number> =>
  Object.fromEntries((tries?.calls ?? []).map(({ call, count }) => [call, count]))

test.skipIf(process.arch !== "x64")(
  "each denied call of an agent is counted outside by its name, from the agent's start on (SBX-03, SBX-04, EVI-06)",
  async () => {
    const script = calls(
      [165, 0, 0, 0, 0, 0],
      [165, 0, 0, 0, 0, 0],
      [101, 16, 1, 0, 0],
      [272, 0x1000_0000],
      [62, 1, 9],
      [62, 1, 19],
      [117, 0, 0, 0],
      [41, 40, 1, 0],
      [41, 16, 3, 0],
      [425, 1, 0],
    )
    const ran = await tried(script)
    expect(ran.out).toBe("1 ".repeat(10))
    expect(countOf(ran)).toEqual({
      mount: 2,
      ptrace: 1,
      unshare: 1,
      kill: 2,
      setresuid: 1,
      socket_40: 1,
      socket_16: 1,
      io_uring_setup: 1,
    })
    for (const { firstMs, lastMs } of ran.tries?.calls ?? [])
      expect({ since: firstMs > 1.7e12, ordered: lastMs >= firstMs }).toEqual({
        since: true,
        ordered: true,
      })
  },
)

test("an agent that tries nothing has none: what the probe tried before is not on its account", async () => {
  expect((await tried("echo hello")).tries).toEqual({ calls: [], opens: 0 })
})

test("that something was opened which is shown empty is counted", async () => {
  const { tries } = await tried(`cd ${rig.program}; ls .amc; ls .amc/; cat .amc/vault`)
  expect(tries?.opens).toBeGreaterThan(0)
})

test.skipIf(process.arch !== "x64")(
  "an agent that calls without end is refused each time, and all of it is counted",
  async () => {
    const loop = "perl -e 'for (1..12000) { syscall(165, 0, 0, 0, 0, 0) == -1 or die }'; echo done"
    const ran = await tried(loop)
    expect(ran.out).toBe("done\n")
    expect(countOf(ran)).toEqual({ mount: 12_000 })
  },
)

test.skipIf(process.arch !== "x64")(
  "nobody in the box can listen at a filter of his own, with the counter or without",
  async () => {
    // A filter of one instruction, which allows all, with SECCOMP_FILTER_FLAG_NEW_LISTENER; the last may be loaded.
    const load = (flags: number): string =>
      `perl -e '$c = pack("SCCL", 6, 0, 0, 0x7fff0000); $p = pack("Sx6P", 1, $c); print syscall(317, 1, ${flags}, $p) == -1 ? $!+0 : "in", " "'`
    const script = `${load(8)}; ${load(0)}; echo; read -r _; ${load(8)}; ${calls([165, 0, 0, 0, 0, 0], [272, 0x1000_0000])}`
    const box = await open(rig.spec(["sh", "-c", script]))
    await box.runProbe(rig.targets)
    await box.go()
    const counter = childrenOf(process.pid).filter((pid) => isCounter(pid))
    await new Promise((done) => box.stdout.once("readable", done))
    for (const pid of counter) process.kill(pid, "SIGKILL")
    const { out } = await collect(box, "\n")
    expect(out).toBe("1 in \n38 38 38 ")
    // Half a count is none.
    expect(box.deniedTries()).toBeNull()
  },
)

function isCounter(pid: number): boolean {
  const words = execFileSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8" })
  return / tries 3 /.test(words)
}
