import { chmodSync, existsSync, mkdirSync, readFileSync, realpathSync } from "node:fs"
import { homedir } from "node:os"
import { join, resolve } from "node:path"
import { AmcError, hex32, label } from "@amc/core"
import { z } from "zod"
import { Passphrases } from "./passphrases.ts"
import { replaceFile } from "./replaced-file.ts"

const memorySchema = z.strictObject({
  schema: z.literal("amc.workspaces/v1"),
  workspaces: z
    .array(z.strictObject({ path: z.string().max(4096), workspace: label, root_sha256: hex32 }))
    .max(10_000),
})

/** A workspace that was made or accepted on this machine: its place and the root that is pinned for it. */
export type RememberedWorkspace = z.infer<typeof memorySchema>["workspaces"][number]

/**
 * This user's folder for what must lie outside of every workspace: which workspaces are known, with
 * their pinned roots, and generated passphrases (XDG base directory specification, state).
 *
 * A `.amc` folder that somebody planted is inert: only remembered pairs of path and root are opened.
 */
export class StateHome {
  readonly dir: string
  /** What the command at hand was given to open vaults with. */
  readonly passphrases: Passphrases

  constructor(
    environment: Readonly<Record<string, string | undefined>>,
    passphrases: Passphrases = new Passphrases(),
  ) {
    this.passphrases = passphrases
    const xdg = environment["XDG_STATE_HOME"]
    const base =
      xdg !== undefined && xdg.startsWith("/")
        ? xdg
        : join(environment["HOME"] ?? homedir(), ".local", "state")
    this.dir = join(base, "amc")
  }

  /** A private folder of one workspace, made if missing. @throws {@link AmcError} `workspace/unwritable` */
  folderOf(workspace: string): string {
    return makePrivateFolder(join(this.dir, "workspaces", workspace))
  }

  passphrasePath(workspace: string, slot: string): string {
    return join(this.dir, "workspaces", workspace, `passphrase.${slot}`)
  }

  /** Where an unlocked notary says how it is reached. */
  unlockedPath(workspace: string): string {
    return join(this.dir, "workspaces", workspace, "unlocked.json")
  }

  /** Where a gateway that stands says how it is reached. */
  gatewayPath(workspace: string): string {
    return join(this.dir, "workspaces", workspace, "gateway.json")
  }

  /** Where wrong passphrases are counted, and kept for the ledger. */
  failuresPath(workspace: string): string {
    return join(this.dir, "workspaces", workspace, "unlock-failures.json")
  }

  /** Where is kept what was last seen of a workspace's ledger. */
  seenPath(workspace: string): string {
    return join(this.dir, "workspaces", workspace, "seen.json")
  }

  remembered(): readonly RememberedWorkspace[] {
    const path = join(this.dir, "workspaces.json")
    try {
      return memorySchema.parse(JSON.parse(readFileSync(path, "utf8"))).workspaces
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return []
      throw new AmcError(
        "input/malformed",
        `${path} can't be read as the list of known workspaces`,
        { cause },
      )
    }
  }

  /** The folders of all known workspaces that are there, wherever they lie. */
  folders(): readonly string[] {
    const known = this.remembered().map(({ path }) => path)
    return known.filter((path) => existsSync(path))
  }

  find(path: string): RememberedWorkspace | undefined {
    const real = realPath(path)
    return this.remembered().find((entry) => entry.path === real)
  }

  /** Remembers a workspace in place of an older one at the same path. */
  remember(entry: RememberedWorkspace): void {
    const real = { ...entry, path: realPath(entry.path) }
    const others = this.remembered().filter(({ path }) => path !== real.path)
    makePrivateFolder(this.dir)
    const list = { schema: "amc.workspaces/v1", workspaces: [...others, real] }
    replaceFile(join(this.dir, "workspaces.json"), `${JSON.stringify(list, null, 2)}\n`)
  }
}

/** Makes a folder that only this user can enter. @throws {@link AmcError} `workspace/unwritable` */
export function makePrivateFolder(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    chmodSync(path, 0o700)
    return path
  } catch (cause) {
    throw new AmcError("workspace/unwritable", `${path} can't be made`, {
      cause,
      hint: "choose a folder that you can write; the state folder follows XDG_STATE_HOME",
    })
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    // A path that does not exist yet has no other name than the one it is given.
    return resolve(path)
  }
}
