import { existsSync } from "node:fs"
import path from "node:path"
import { AmcError } from "@amc/core"
import type { EngineHome } from "./container-driver.ts"
import { Engine } from "./engine.ts"
import { type Environment, namedSocket, placeOf } from "./engine-socket.ts"

const hint = "install it and start it: apt-get install -y docker.io && service docker start"

/** Docker's engine, where its own tools would look for it. */
export function dockerHome(environment: Environment): EngineHome {
  return {
    name: "docker",
    place: placeOf(environment, "DOCKER_HOST"),
    hint,
    connect: async () => new Engine("docker", dockerSocket(environment)),
  }
}

/** @throws {@link AmcError} `sandbox/unavailable` if docker listens nowhere */
function dockerSocket(environment: Environment): string {
  const named = namedSocket(environment, "DOCKER_HOST")
  if (named !== null) return named
  const own = environment["XDG_RUNTIME_DIR"]
  const places = [
    "/var/run/docker.sock",
    ...(own === undefined ? [] : [path.join(own, "docker.sock")]),
  ]
  const found = places.find((place) => existsSync(place))
  if (found !== undefined) return found
  throw new AmcError("sandbox/unavailable", "docker does not run here", { hint })
}
