import { FileBlobStore } from "@amc/store-sqlite"
import { prunePayloads } from "./prune-payloads.ts"
import { StateHome } from "./state-home.ts"
import { openWorkspace } from "./workspace.ts"

const [folder = "", stateFolder = "", now = "0"] = process.argv.slice(2)

/** The process is gone as soon as the first file is about to be deleted, as by `kill -9`. */
FileBlobStore.prototype.remove = () => {
  process.kill(process.pid, "SIGKILL")
  return new Promise(() => undefined)
}

const clock = (): number => Number(now)
const state = new StateHome({ XDG_STATE_HOME: stateFolder })
await prunePayloads(openWorkspace(folder, state, clock()), { isDryRun: false, clock })
