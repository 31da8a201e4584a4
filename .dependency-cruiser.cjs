// What may import what, from the map in rooms.cjs.
const rooms = require("./rooms.cjs")

const inRoom = (name) => `^packages/${name}/`
const tests = "\\.(test|fixture)\\.ts$|/src/testing/"
const pure = Object.entries(rooms)
  .filter(([, room]) => room.floor === "pure")
  .map(([name]) => name)

module.exports = {
  forbidden: [
    ...Object.entries(rooms).map(([name, { may }]) => ({
      name: `${name}-may-import`,
      comment: `${name} may import only: ${may.join(", ") || "nothing"}`,
      severity: "error",
      from: { path: inRoom(name), pathNot: tests },
      to: { path: "^packages/", pathNot: [inRoom(name), ...may.map(inRoom)] },
    })),
    {
      name: "through-the-front-door",
      comment: "a room is entered by its index.ts",
      severity: "error",
      from: { path: "^packages/([^/]+)/" },
      to: { path: "^packages/([^/]+)/src/(?!index\\.ts$)", pathNot: "^packages/$1/" },
    },
    {
      name: "pure-rooms-touch-no-world",
      comment:
        "no file, network, process or native module below the pure floor; crypto only through #crypto",
      severity: "error",
      from: {
        path: `^packages/(${pure.join("|")})/`,
        pathNot: [tests, "^packages/core/src/crypto-node\\.ts$"],
      },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "one-driver-per-native-module",
      severity: "error",
      from: { path: "^packages/", pathNot: [inRoom("store-sqlite"), tests] },
      to: { path: "node_modules/better-sqlite3" },
    },
    {
      name: "only-tests-import-testkit",
      severity: "error",
      from: { path: "^packages/", pathNot: [inRoom("testkit"), tests] },
      to: { path: inRoom("testkit") },
    },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    { name: "not-to-unresolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: "/dist/" },
    enhancedResolveOptions: {
      conditionNames: ["node", "import", "types", "default"],
      exportsFields: ["exports"],
    },
  },
}
