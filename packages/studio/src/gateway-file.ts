import { readFileSync, rmSync } from "node:fs"
import { z } from "zod"
import { replaceFile } from "./replaced-file.ts"
import type { Workspace } from "./workspace.ts"

const schema = z.strictObject({
  schema: z.literal("amc.gateway/v1"),
  pid: z.int().min(1),
  url: z.string().max(256),
  /** Of its egress proxy; null where no connection is allowed. */
  egress_url: z.string().max(256).nullable(),
  socket: z.string().min(1).max(4096),
})

/** Where a gateway that stands is reached, and its owner's commands. A hint: whether it is there shows when it is asked. */
export type GatewayFile = z.infer<typeof schema>

/** Lies in the state folder, so that nothing in the workspace can send the owner's commands elsewhere. */
export function readGatewayFile({ state, workspace }: Workspace): GatewayFile | null {
  try {
    return schema.parse(JSON.parse(readFileSync(state.gatewayPath(workspace), "utf8")))
  } catch {
    return null
  }
}

/** @throws {@link AmcError} `workspace/unwritable` */
export function writeGatewayFile({ state, workspace }: Workspace, file: GatewayFile): void {
  state.folderOf(workspace)
  replaceFile(state.gatewayPath(workspace), `${JSON.stringify(file)}\n`)
}

/** Removes the file of this process. */
export function removeGatewayFile(workspace: Workspace, socket: string): void {
  if (readGatewayFile(workspace)?.socket === socket)
    rmSync(workspace.state.gatewayPath(workspace.workspace), { force: true })
}
