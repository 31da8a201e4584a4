import ts from "typescript"

/** One small change of a source, which is made while its number is the chosen one. */
export interface Mutant {
  readonly id: number
  readonly file: string
  readonly line: number
  /** The source's line that it begins on. */
  readonly on: string
  readonly was: string
  readonly is: string
  /** It lies in what is evaluated once, when its module is loaded. */
  readonly isStatic: boolean
}

/** Sources that hold all of their mutants at once. */
export interface Schemata {
  readonly source: string
  readonly mutants: readonly Mutant[]
}

const swapped: ReadonlyMap<ts.SyntaxKind, string> = new Map<ts.SyntaxKind, string>([
  [ts.SyntaxKind.LessThanToken, "<="],
  [ts.SyntaxKind.LessThanEqualsToken, "<"],
  [ts.SyntaxKind.GreaterThanToken, ">="],
  [ts.SyntaxKind.GreaterThanEqualsToken, ">"],
  [ts.SyntaxKind.EqualsEqualsEqualsToken, "!=="],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, "==="],
  [ts.SyntaxKind.PlusToken, "-"],
  [ts.SyntaxKind.MinusToken, "+"],
  [ts.SyntaxKind.AsteriskToken, "+"],
  [ts.SyntaxKind.PercentToken, "*"],
  [ts.SyntaxKind.PlusEqualsToken, "-="],
])

const renamed: ReadonlyMap<string, string> = new Map([
  ["some", "every"],
  ["every", "some"],
  ["min", "max"],
  ["max", "min"],
  ["find", "findLast"],
  ["at", "indexOf"],
])
/** Calls that are left out, what they are called on staying. */
const dropped: ReadonlySet<string> = new Set(["filter", "sort", "toSorted", "toReversed", "slice"])

/** Writes every mutant of a source into it, each under a number from `first` on. */
export function schemataOf(file: string, text: string, first: number): Schemata {
  const root = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const mutants: Mutant[] = []
  const lines = text.split("\n")

  const write = (node: ts.Node): string => {
    let [out, from] = ["", node.getStart(root)]
    ts.forEachChild(node, (child) => {
      out += text.slice(from, child.getStart(root)) + written(child)
      from = child.end
    })
    return out + text.slice(from, node.end)
  }
  const written = (node: ts.Node): string => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isExportDeclaration(node))
      return node.getText(root)
    const plain = write(node)
    const atLoad = isStatic(node)
    const changes = changesOf(node, atLoad)
    const choices = changes.map((is): string => {
      const id = first + mutants.length
      const { line } = root.getLineAndCharacterOfPosition(node.getStart(root))
      const was = short(node.getText(root))
      const on = lines[line]?.trim() ?? ""
      mutants.push({ id, file, line: line + 1, on, was, is: short(is), isStatic: atLoad })
      return `M(${id})?(${is}):`
    })
    const held = choices.length === 0 ? plain : `(${choices.join("")}(${plain}))`
    // Without it a line that begins with a parenthesis would be a call of what stands above it.
    return ts.isExpressionStatement(node) && ts.isBlock(node.parent) ? `;${held}` : held
  }
  const changesOf = (node: ts.Node, atLoad: boolean): readonly string[] => {
    const isDone = ts.isExpression(node) && ts.isExpressionStatement(node.parent) && !atLoad
    return [...(isDone ? ["void 0"] : []), ...changesOfValue(node, atLoad)]
  }
  const changesOfValue = (node: ts.Node, atLoad: boolean): readonly string[] => {
    if (isCondition(node)) return [`!(${node.getText(root)})`, "false"]
    if (ts.isBinaryExpression(node)) return binary(node)
    if (ts.isArrayLiteralExpression(node)) return shorter(node, atLoad)
    if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken)
      return [node.operand.getText(root)]
    if (ts.isConditionalExpression(node))
      return [node.whenTrue.getText(root), node.whenFalse.getText(root)]
    if (node.kind === ts.SyntaxKind.TrueKeyword) return ["false"]
    if (node.kind === ts.SyntaxKind.FalseKeyword) return ["true"]
    if (isNumber(node)) return [`${node.getText(root)} + 1${ts.isBigIntLiteral(node) ? "n" : ""}`]
    return ts.isCallExpression(node) ? call(node) : []
  }
  const binary = (node: ts.BinaryExpression): readonly string[] => {
    const [left, right] = [node.left.getText(root), node.right.getText(root)]
    const { kind } = node.operatorToken
    if (kind === ts.SyntaxKind.QuestionQuestionToken) return [right]
    if (kind === ts.SyntaxKind.AmpersandAmpersandToken || kind === ts.SyntaxKind.BarBarToken)
      return [left, right]
    const operator = swapped.get(kind)
    return operator === undefined ? [] : [`${left} ${operator} ${right}`]
  }
  /** A list without one of the lists that it is made of; a list that stands in the source, without one of all. */
  const shorter = ({ elements, parent }: ts.ArrayLiteralExpression, atLoad: boolean): string[] => {
    if (ts.isBinaryExpression(parent)) return []
    return elements.flatMap((gone) => {
      const rest = elements.filter((each) => each !== gone).map((each) => each.getText(root))
      return atLoad || ts.isSpreadElement(gone) ? [`[${rest.join(", ")}]`] : []
    })
  }
  const call = (node: ts.CallExpression): readonly string[] => {
    const { expression, arguments: given } = node
    if (!ts.isPropertyAccessExpression(expression) || node.getText(root).includes("?.")) return []
    const { name, expression: on } = expression
    if (dropped.has(name.text)) return [on.getText(root)]
    const other = renamed.get(name.text)
    if (other === undefined) return []
    const args = given.map((each) => each.getText(root)).join(", ")
    return [`${on.getText(root)}.${other}(${args})`]
  }
  return { source: write(root), mutants }
}

function isNumber(node: ts.Node): boolean {
  const isName = ts.isPropertyAssignment(node.parent) && node.parent.name === node
  return (ts.isNumericLiteral(node) || ts.isBigIntLiteral(node)) && !isName
}

function isCondition(node: ts.Node): boolean {
  return ts.isExpression(node) && ts.isIfStatement(node.parent) && node.parent.expression === node
}

/** What is evaluated once, when the module is loaded, can't be switched afterwards. */
function isStatic(node: ts.Node): boolean {
  for (let at = node.parent; at !== undefined; at = at.parent)
    if (ts.isFunctionLike(at) || ts.isPropertyDeclaration(at)) return false
  return true
}

function short(text: string): string {
  return text.replaceAll(/\s+/g, " ").slice(0, 120)
}
