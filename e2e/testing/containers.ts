import { execFileSync, spawnSync } from "node:child_process"
import {
  chmodSync,
  copyFileSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { clone, type Ended, run } from "./amc.ts"

/** Gives an engine an image with the Node of this machine and the libraries it needs, since nothing is fetched here. */
export function importNode(engine: string, image: string): void {
  const folder = mkdtempSync(join(tmpdir(), "amc-image-"))
  try {
    const root = join(folder, "root")
    const put = (from: string, to: string): void => {
      mkdirSync(dirname(join(root, to)), { recursive: true })
      copyFileSync(from, join(root, to))
    }
    put(process.execPath, "usr/bin/node")
    chmodSync(join(root, "usr/bin/node"), 0o755)
    const addons = globSync(
      join(clone, "node_modules/{@node-rs,sodium-native,better-sqlite3}/**/*x64*/*.node"),
    )
    const needed = [process.execPath, ...addons].flatMap(librariesOf)
    for (const library of new Set(needed)) put(library, library)
    for (const name of ["dev", "etc", "proc", "sys", "tmp"])
      mkdirSync(join(root, name), { recursive: true })
    chmodSync(join(root, "tmp"), 0o1777)
    writeFileSync(join(root, "etc/nsswitch.conf"), "hosts: files dns\n")
    const archive = join(folder, "image.tar")
    const owner = ["--owner=0", "--group=0", "--numeric-owner"]
    execFileSync("tar", [...owner, "-C", root, "-cf", archive, "."])
    const change = "ENV PATH=/usr/bin"
    execFileSync("docker", ["-H", `unix://${engine}`, "import", "-c", change, archive, image])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Those for another libc have none here. */
function librariesOf(program: string): readonly string[] {
  const { stdout } = spawnSync("ldd", [program], { encoding: "utf8" })
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => path)
}

/** A composition of containers. */
export interface Composition {
  /** In place of `deploy/compose.yaml`. */
  readonly file?: string
  readonly project: string
  readonly env: Readonly<Record<string, string>>
}

/** Runs one `docker-compose` command to its end. */
export function compose(
  { file: named, project, env }: Composition,
  ...words: readonly string[]
): Promise<Ended> {
  const file = ["-f", named ?? join(clone, "deploy/compose.yaml"), "-p", project]
  const given = { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", ...env }
  return run(["docker-compose", ...file, ...words], { cwd: clone, env: given })
}
