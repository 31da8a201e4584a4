import { spawnSync } from "node:child_process"
import path from "node:path"
import { expect, test } from "vitest"

const drivers = path.join(import.meta.dirname, "../drivers.ts")
/** Another user, who may read whatever this clone lies in. */
const otherUser = [
  "setpriv",
  "--reuid=60900",
  "--inh-caps=+dac_read_search",
  "--ambient-caps=+dac_read_search",
  "--",
]

test.each(["docker", "podman"])(
  "without root %s is refused, with the reason and another way",
  (name) => {
    const terms = JSON.stringify({ name, image: null, network: "none", environment: {} })
    const script = `import { sandboxDriver } from ${JSON.stringify(drivers)}
      console.log(JSON.stringify(await sandboxDriver(${terms}).detect()))`
    const node = [process.execPath, "--input-type=module", "-e", script]
    const [file = "", ...words] = process.getuid?.() === 0 ? [...otherUser, ...node] : node
    const { stdout, stderr } = spawnSync(file, words, { encoding: "utf8", env: {}, cwd: "/" })
    expect(JSON.parse(stdout || stderr)).toEqual({
      available: false,
      reason: `boxes of ${name} need a monitor that is root, as their gateway is brought in from outside`,
      hint: "run amc as root, or use the driver bubblewrap",
    })
  },
)
