import { readFileSync } from "node:fs"
import { packTar } from "modern-tar"
import type { Engine } from "../container/engine.ts"

/** Gives an engine an image with a shell in it and nothing else, as an owner's image would be; `changes` are lines of a Dockerfile. */
export async function importBusybox(engine: Engine, repo: string, changes?: string): Promise<void> {
  const body = readFileSync("/bin/busybox")
  const common = { mode: 0o755, uid: 0, gid: 0 }
  const tar = await packTar([
    { header: { ...common, name: "bin/", type: "directory", size: 0 } },
    { header: { ...common, name: "bin/sh", type: "file", size: body.length }, body },
  ])
  const query = { fromSrc: "-", repo, ...(changes === undefined ? {} : { changes }) }
  await engine.text({ method: "POST", path: "/images/create", query, tar })
}
