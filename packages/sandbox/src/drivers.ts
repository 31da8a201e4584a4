import { bubblewrapDriver } from "./bubblewrap-driver.ts"
import { containerDriver, type ContainerSettings } from "./container/container-driver.ts"
import { dockerHome } from "./container/docker.ts"
import { podmanHome } from "./container/podman.ts"
import type { DriverName, SandboxDriver } from "./driver.ts"

/** What a driver is asked for with. */
export interface DriverTerms extends ContainerSettings {
  readonly name: DriverName
  /** The monitor's own; engines are looked for where it says. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

const made = new Map<string, SandboxDriver>()

/** The driver of a name. Whether it works here is for its `detect` to say. */
export function sandboxDriver(terms: DriverTerms): SandboxDriver {
  const { name, image, network, environment } = terms
  if (name === "bubblewrap") return bubblewrapDriver
  const home = name === "docker" ? dockerHome(environment) : podmanHome(environment)
  const key = JSON.stringify([name, image, network, home.place])
  // The same one for the same terms, so that one process tries an engine once.
  const driver = made.get(key) ?? containerDriver(home, { image, network })
  made.set(key, driver)
  return driver
}
