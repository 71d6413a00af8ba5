/** Prints what happens step by step, and a table of what was measured at the end. */
export class Progress {
  readonly #rows: (readonly [string, string])[] = []
  readonly #start = performance.now()

  /** Does one step and prints how long it took. Returns what `work` returns. */
  async step<T>(what: string, work: () => Promise<T>): Promise<T> {
    const start = performance.now()
    if (process.stdout.isTTY) process.stdout.write(`  … ${what}`)
    try {
      const result = await work()
      this.#print('✓', `${what} (${ms(performance.now() - start)})`)
      return result
    } catch (error) {
      this.#print('✗', what)
      throw error
    }
  }

  /** Adds a line to the final table. */
  row(name: string, value: string): void {
    this.#rows.push([name, value])
  }

  /** Prints the final table. */
  printTable(): void {
    const width = Math.max(...this.#rows.map(([name]) => name.length))
    console.log()
    for (const [name, value] of this.#rows) console.log(`  ${name.padEnd(width)}   ${value}`)
    console.log(`\n  All of it happened, in ${((performance.now() - this.#start) / 1000).toFixed(1)} s.`)
  }

  #print(mark: string, text: string): void {
    console.log(`${process.stdout.isTTY ? '\r\x1b[K' : ''}  ${mark} ${text}`)
  }
}

/** A length of time, as people read it. */
export const ms = (length: number): string =>
  length < 10
    ? `${length.toFixed(2)} ms`
    : length < 1000
      ? `${Math.round(length)} ms`
      : `${(length / 1000).toFixed(2)} s`

/** A rate, as people read it. */
export const megabits = (bitsPerSecond: number): string => `${Math.round(bitsPerSecond / 1e6)} Mbit/s`
