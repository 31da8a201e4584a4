/**
 * Where the tiles of a ledger's tree lie, by their paths under its prefix (C2SP tlog-tiles): `checkpoint`,
 * `tile/0/000`, `tile/entries/000.p/17`. Plain files, fit for any static server.
 *
 * A store is trusted for durability, not for integrity. Every method throws {@link AmcError}
 * `store/unavailable` if the medium fails, and `input/malformed` for a path that is none: it is relative, and none
 * of its parts is empty, `.` or `..`.
 */
export interface TileStore {
  /** The bytes of a file, or null if there is none. @throws {@link AmcError} `store/damaged` for what no tile can be */
  read(path: string): Promise<Uint8Array | null>
  /** Makes a file durable: whole or not at all, in place of one that is there. */
  write(path: string, bytes: Uint8Array): Promise<void>
  /** Removes a folder with its files, if it is there. */
  removeFolder(path: string): Promise<void>
  /** The paths of the files in a folder and in all folders under it; of all files if none is named. */
  list(folder?: string): AsyncIterable<string>
}

/** The path of the newest published checkpoint. */
export const checkpointPath = "checkpoint"

/** No tile is larger: an entry bundle of 256 leaves of 65,535 bytes. */
export const tileSizeMax: number = 256 * (2 + 65_535)
