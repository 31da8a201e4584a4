import { extname } from "node:path"
import { fileURLToPath } from "node:url"
import { rolldown } from "rolldown"

/** Bundles the crash child into plain JavaScript, since loading its sources takes longer than its life. */
export async function buildCrashChild(): Promise<string> {
  const folder = fileURLToPath(new URL("../dist/crash", import.meta.url))
  const input = ["crash-child", "crash-worker"].map((name) => [name, sourceOf(name)])
  const bundle = await rolldown({
    input: Object.fromEntries(input) as Record<string, string>,
    external: ["better-sqlite3", "vitest"],
    platform: "node",
    // Unless told, it would keep the import of vitest for what that may do when it is loaded.
    treeshake: { moduleSideEffects: (id) => id !== "vitest" },
  })
  await bundle.write({ dir: folder, format: "esm", entryFileNames: "[name].fixture.js" })
  await bundle.close()
  return `${folder}/crash-child.fixture.js`
}

function sourceOf(name: string): string {
  return fileURLToPath(new URL(`./${name}.fixture${extname(import.meta.url)}`, import.meta.url))
}
