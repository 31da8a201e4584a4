import { writeFileSync } from "node:fs"
import { concatBytes, toHex, utf8 } from "./bytes.ts"
import { encodeCheckpoint } from "./checkpoint.ts"
import { consistencyPath } from "./merkle/consistency.ts"
import { hashLeaf } from "./merkle/hash.ts"
import { inclusionPath } from "./merkle/inclusion.ts"
import { rootOf } from "./merkle/tree.ts"
import { signNote } from "./note.ts"
import { seededSigner } from "./testing/seeded-signer.ts"
import { ownVectorsPath } from "./testing/vectors.ts"
import { tilePath, tilesOf } from "./tile.ts"
import { encodeTlogProof } from "./tlog-proof.ts"
import { vkey } from "./vkey.ts"

const origin = "ledger.example/amc"
const [ledger, stranger] = [seededSigner(1), seededSigner(2)]

function tileVectors(): object {
  const path = (why: string, level: number | "entries", index: number, width = 256): object => ({
    why,
    level,
    index,
    width,
    path: tilePath({ level, index, width }),
  })
  const refused = (why: string, text: string): object => ({ why, path: text })
  return {
    about:
      "paths: names of tiles. refused: what is no path of a tile. trees: how many tiles and entry bundles a tree has, and which are partial; 70000 is the example of C2SP tlog-tiles.",
    paths: [
      path("the first tile of leaf hashes", 0, 0),
      path("the last index of three digits", 0, 999),
      path("the first index of four digits", 0, 1000),
      path("the example of C2SP tlog-tiles", 0, 1_234_067),
      path("a higher level", 3, 7),
      path("the highest level", 63, 0),
      path("the first entry bundle", "entries", 0),
      path("a partial entry bundle", "entries", 1_234_067, 17),
      path("the narrowest partial tile", 1, 0, 1),
      path("the widest partial tile", 0, 273, 255),
      path("the last tile of the largest tree", 0, 2 ** 45 - 1, 254),
    ],
    refused: [
      refused("nothing in it", ""),
      refused("a slash before it", "/tile/0/000"),
      refused("a slash after it", "tile/0/000/"),
      refused("the folder above", "tile/0/../checkpoint"),
      refused("an escaped dot", "tile/0/%2e%2e/000"),
      refused("no level", "tile/000"),
      refused("a level with a leading zero", "tile/00/000"),
      refused("a level beyond 63", "tile/64/000"),
      refused("a negative level", "tile/-1/000"),
      refused("another name for the entries", "tile/data/000"),
      refused("an index of two digits", "tile/0/00"),
      refused("an index of four digits", "tile/0/1234"),
      refused("no x before its first group", "tile/0/001/234"),
      refused("an x before its last group", "tile/0/x001/x234"),
      refused("a group of zeros before it", "tile/0/x000/001"),
      refused("an index beyond 2^53", "tile/0/x999/x999/x999/x999/x999/999"),
      refused("a width of 0", "tile/0/000.p/0"),
      refused("a width of 256, which is the full tile", "tile/0/000.p/256"),
      refused("a width beyond 256", "tile/0/000.p/300"),
      refused("a width with a leading zero", "tile/0/000.p/01"),
      refused("no width", "tile/0/000.p/"),
      refused("a line break after it", "tile/0/000\n"),
      refused("a query", "tile/0/000?a"),
      refused("other digits", "tile/0/٠٠٠"),
    ],
    trees: [0, 1, 255, 256, 257, 65_536, 70_000].map((size) => ({
      size,
      tiles: [...tilesOf(size)].length,
      partial: [...tilesOf(size)].filter(({ width }) => width < 256).map(tilePath),
    })),
  }
}

function proofVectors(): object {
  const leaves = Array.from({ length: 7 }, (_, n) => utf8(`leaf ${n}`))
  const hashes = leaves.map(hashLeaf)
  const noteOf = (size: number, signer = ledger, name = origin): string =>
    signNote(encodeCheckpoint({ origin, size, root: rootOf(hashes.slice(0, size)) }), name, signer)
  const proofOf = (
    size: number,
    index: number,
    extra: Uint8Array | null,
    note = noteOf(size),
  ): string =>
    encodeTlogProof({
      index,
      path: inclusionPath(hashes.slice(0, size), index),
      checkpoint: note,
      extra,
    })
  const good = proofOf(7, 2, null)
  const withExtra = proofOf(7, 2, utf8("hello"))
  const refused = (why: string, proof: string): object => ({ why, proof })
  const unproven = (why: string, code: string, proof: string, leaf = 2): object => ({
    why,
    code,
    leaf: toHex(leaves[leaf] ?? new Uint8Array()),
    proof,
  })
  return {
    about:
      "The ledger's key has the secret 01 x 32. accepted: proofs with the leaf that they are of, as hex. refused: texts that are no proof. unproven: proofs that do not show what they say, with the finding. consistency: paths, as hex.",
    verifier_key: vkey(origin, ledger.key),
    accepted: [
      { why: "one of seven leaves", leaf: toHex(leaves[2] ?? new Uint8Array()), proof: good },
      {
        why: "an extra line, which nothing signs",
        leaf: toHex(leaves[2] ?? new Uint8Array()),
        proof: withExtra,
      },
      {
        why: "the only leaf, without any path",
        leaf: toHex(leaves[0] ?? new Uint8Array()),
        proof: proofOf(1, 0, null),
      },
      {
        why: "the last leaf",
        leaf: toHex(leaves[6] ?? new Uint8Array()),
        proof: proofOf(7, 6, null),
      },
      {
        why: "a stranger's signature beside the ledger's",
        leaf: toHex(leaves[2] ?? new Uint8Array()),
        proof: `${good}${noteOf(7, stranger, "witness.example").split("\n\n")[1] ?? ""}`,
      },
    ],
    refused: [
      refused("nothing in it", ""),
      refused("another first line", good.replace("@v1", "@v2")),
      refused("line ends of two bytes", good.replaceAll("\n", "\r\n")),
      refused("no index", good.replace("index 2\n", "")),
      refused("an index with a leading zero", good.replace("index 2", "index 02")),
      refused("a negative index", good.replace("index 2", "index -2")),
      refused("an index beyond 2^53", good.replace("index 2", "index 9007199254740992")),
      refused("an empty extra line", good.replace("index 2", "extra \nindex 2")),
      refused("two extra lines", withExtra.replace("extra ", "extra aGVsbG8=\nextra ")),
      refused("extra that is not base64", withExtra.replace("extra ", "extra !")),
      refused("unused bits in the extra", withExtra.replace("aGVsbG8=", "aGVsbG9=")),
      refused(
        "a hash of 31 bytes",
        good.replace(/\n[A-Za-z0-9+/]{43}=\n/u, `\n${"A".repeat(40)}A===\n`),
      ),
      refused("a hash without padding", good.replace("=\n", "\n")),
      refused(
        "a path longer than any tree",
        good.replace("index 2\n", `index 2\n${`${"A".repeat(43)}=\n`.repeat(54)}`),
      ),
      refused("no empty line", good.replace("\n\n", "\n")),
      refused("no signature", good.slice(0, good.indexOf("\u2014"))),
    ],
    unproven: [
      unproven("another leaf", "proof/not-included", good, 3),
      unproven("another index", "proof/not-included", good.replace("index 2", "index 3")),
      unproven(
        "an index outside the tree",
        "proof/not-included",
        good.replace("index 2", "index 7"),
      ),
      unproven(
        "a path that is too short",
        "proof/not-included",
        good.replace(/\n[A-Za-z0-9+/]{43}=\n/u, "\n"),
      ),
      unproven(
        "a checkpoint of another size",
        "proof/not-included",
        proofOf(7, 2, null, noteOf(6)),
      ),
      unproven(
        "a checkpoint that was changed",
        "proof/bad-signature",
        good.replace(`${origin}\n7\n`, `${origin}\n8\n`),
      ),
      unproven(
        "a stranger's checkpoint",
        "proof/untrusted",
        proofOf(7, 2, null, noteOf(7, stranger)),
      ),
      unproven(
        "an extension line",
        "proof/malformed",
        proofOf(
          7,
          2,
          null,
          signNote(
            `${encodeCheckpoint({ origin, size: 7, root: rootOf(hashes) })}more\n`,
            origin,
            ledger,
          ),
        ),
      ),
      unproven(
        "a checkpoint of another origin by the same key",
        "proof/untrusted",
        proofOf(
          7,
          2,
          null,
          signNote(
            encodeCheckpoint({ origin: "other.example/amc", size: 7, root: rootOf(hashes) }),
            origin,
            ledger,
          ),
        ),
      ),
    ],
    consistency: [
      [1, 7],
      [3, 7],
      [4, 7],
      [6, 7],
      [7, 7],
    ].map(([oldSize = 0, newSize = 0]) => ({
      old_size: oldSize,
      new_size: newSize,
      path: toHex(concatBytes(...consistencyPath(hashes.slice(0, newSize), oldSize))),
    })),
  }
}

/** The vector files of tiles and proofs by name. */
export function makeTileVectors(): Readonly<Record<string, object>> {
  return { "tiles.json": tileVectors(), "proof.json": proofVectors() }
}

/** Run by hand, `node packages/core/src/tile-vectors.fixture.ts`, after a format changed on purpose. */
if (import.meta.main)
  for (const [name, vectors] of Object.entries(makeTileVectors()))
    writeFileSync(ownVectorsPath(name), `${JSON.stringify(vectors, null, 2)}\n`)
