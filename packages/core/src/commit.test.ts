import { expect, test } from "vitest"
import { utf8 } from "./bytes.ts"
import { isInCommit, parseSignature, signCommit } from "./commit.ts"
import { hashLeaf } from "./merkle/hash.ts"
import { inclusionPath } from "./merkle/inclusion.ts"
import { seededSigner } from "./testing/seeded-signer.ts"

const signer = seededSigner(1)

test.each(Array.from({ length: 20 }, (_, at) => at + 1))(
  "each of %i leaves of a commit is shown to be signed by its own path",
  (size) => {
    const leaves = Array.from({ length: size }, (_, at) => hashLeaf(utf8(`leaf ${at}`)))
    for (const [index, text] of signCommit(leaves, signer).entries()) {
      const proof = parseSignature(text)
      expect(proof).toMatchObject({ index, size, path: inclusionPath(leaves, index) })
      expect(isInCommit(leaves[index]!, proof, signer.key)).toBe(true)
    }
  },
)
