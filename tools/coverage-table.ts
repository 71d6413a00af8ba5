import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What istanbul hands to a reporter, as far as it is used here. */
interface ReportContext {
  getTree(): { visit(visitor: { onDetail(node: FileNode): void }): void }
}

interface FileNode {
  getFileCoverage(): { readonly path: string; readonly b: Readonly<Record<string, readonly number[]>> }
}

interface Branches {
  total: number
  taken: number
}

/** Prints how many branches of each package the tests take: one line a package, the least covered first. */
export default class CoverageTable {
  /** Called by istanbul when all the files' numbers are known. */
  execute(context: ReportContext): void {
    const packages = new Map<string, Branches>()
    context.getTree().visit({
      onDetail: node => {
        const { path, b } = node.getFileCoverage()
        const hits = Object.values(b).flat()
        const branches = emplace(packages, packageOf(path))
        branches.total += hits.length
        branches.taken += hits.filter(count => count > 0).length
      },
    })
    console.log(formatTable(packages))
  }
}

/** Returns one line a package: its name, the branches taken in percent, and how many of how many. */
export function formatTable(packages: ReadonlyMap<string, Branches>): string {
  const percent = ({ taken, total }: Branches): number => (total === 0 ? 100 : (100 * taken) / total)
  return [...packages]
    .sort(([, a], [, b]) => percent(a) - percent(b))
    .map(([name, branches]) => {
      const { taken, total } = branches
      return `${name.padEnd(18)}${percent(branches).toFixed(1).padStart(6)} %  of branches (${taken}/${total})`
    })
    .join('\n')
}

/** `packages/ice/src/agent.ts` belongs to `ice`. */
const packageOf = (file: string): string => relative(root, file).split('/')[1] ?? file

function emplace(packages: Map<string, Branches>, name: string): Branches {
  const found = packages.get(name) ?? { total: 0, taken: 0 }
  packages.set(name, found)
  return found
}
