import { AmcError, canonicalize, sha256Hex } from "@amc/core"
import { packTar } from "modern-tar"
import type { BoxImage } from "../driver.ts"
import type { HostFacts } from "../host.ts"
import type { Engine } from "./engine.ts"

/** Where things are mounted. */
const folders = ["dev", "etc", "home", "proc", "run", "sys", "tmp", "usr", "var"]

/**
 * An archive with the root of a box and nothing in it: empty folders, and the links through which this machine's
 * programs are found. The same roots give the same bytes.
 */
export function rootArchive(roots: HostFacts["systemRoots"]): Promise<Uint8Array> {
  const links = roots.flatMap(({ path, target }) => (target === null ? [] : [{ path, target }]))
  const made = [...folders, ...roots.filter(({ target }) => target === null).map(nameOf)].sort()
  // oxlint-disable-next-line no-restricted-globals -- the library takes the constant 0 only as a Date
  const common = { size: 0, mtime: new Date(0), uid: 0, gid: 0 }
  return packTar([
    ...made.map((name) => ({
      header: { ...common, name: `${name}/`, type: "directory" as const, mode: 0o755 },
    })),
    ...links.map((link) => ({
      header: {
        ...common,
        name: nameOf(link),
        type: "symlink" as const,
        linkname: link.target,
        mode: 0o777,
      },
    })),
  ])
}

function nameOf({ path }: { readonly path: string }): string {
  return path.slice(1)
}

/**
 * Gives the engine the archive as an image of this run alone, which has a label beside it and nothing else.
 *
 * @throws {@link AmcError} `sandbox/start-failed`
 */
export async function importRoot(
  engine: Engine,
  archive: Uint8Array,
  run: string,
  label: string,
): Promise<BoxImage> {
  const query = { fromSrc: "-", repo: `localhost/${run}`, changes: `LABEL ${label}` }
  const said = await engine.text({ method: "POST", path: "/images/create", query, tar: archive })
  // Podman takes no tag here, so what was made is known by its id alone.
  const [id = ""] = /\b[0-9a-f]{64}\b/.exec(said) ?? []
  const made = id === "" ? null : await findImage(engine, id)
  if (made !== null) return { id: made.id, layersSha256: made.layersSha256 }
  throw new AmcError("sandbox/start-failed", "the engine did not take the box's own image")
}

/** An image with what it asks for beyond its layers. */
export interface FoundImage extends BoxImage {
  /** Places that an engine makes writable, on its own disk. */
  readonly volumes: readonly string[]
}

/** An image that the engine has; null if it has none of that name. */
export async function findImage(engine: Engine, name: string): Promise<FoundImage | null> {
  const path = `/images/${encodeURIComponent(name)}/json`
  const found = (await engine.found({ method: "GET", path })) as {
    Id?: unknown
    RootFS?: { Layers?: unknown }
    Config?: { Volumes?: object | null }
  } | null
  if (found === null) return null
  const layers = Array.isArray(found.RootFS?.Layers) ? found.RootFS.Layers.map(String) : []
  const id = String(found.Id).replace(/^sha256:/, "")
  const volumes = Object.keys(found.Config?.Volumes ?? {})
  return { id, layersSha256: sha256Hex(canonicalize(layers)), volumes }
}
