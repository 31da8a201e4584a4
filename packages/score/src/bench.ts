import { goodSession, record } from "./evidence.fixture.ts"
import { scoreRun, encodeReport } from "./index.ts"
const shape = process.argv[2] === "few" ? { n: 300, calls: 160 } : { n: 6600, calls: 3 }
const sessions = Array.from({length: shape.n}, (_, at) => ({...goodSession, calls: shape.calls, maxCalls: 1000, day: at % 14, task: `t${at}`}))
const r = record({sessions})
for (let i=0;i<5;i++) { const t1=performance.now(); const c=process.cpuUsage(); const b=encodeReport(scoreRun(r)); const u=process.cpuUsage(c); console.log("score ms", (performance.now()-t1).toFixed(0), "cpu ms", ((u.user+u.system)/1000).toFixed(0), r.events.length, b.length) }
