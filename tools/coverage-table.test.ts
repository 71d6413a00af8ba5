import { expect, test } from 'vitest'
import { formatTable } from './coverage-table.ts'

test('the package with the fewest branches taken comes first', () => {
  const packages = new Map([
    ['ice', { taken: 378, total: 389 }],
    ['tunnel', { taken: 471, total: 507 }],
    ['empty', { taken: 0, total: 0 }],
  ])

  expect(formatTable(packages).split('\n')).toEqual([
    'tunnel              92.9 %  of branches (471/507)',
    'ice                 97.2 %  of branches (378/389)',
    'empty              100.0 %  of branches (0/0)',
  ])
})
