/**
 * Work that a packet path's callback hands to an ordinary turn of the event loop: one `setImmediate` for all of it.
 *
 * Exceptions of a task are uncaught exceptions; tasks behind it run in the next turn.
 */
export class Later {
  #tasks: (() => void)[] = []
  #armed = false

  /** Runs `task` in an ordinary turn of the event loop, after the tasks that already wait. */
  run(task: () => void): void {
    this.#tasks.push(task)
    this.#arm()
  }

  #arm(): void {
    if (this.#armed) return
    this.#armed = true
    setImmediate(this.#turn)
  }

  readonly #turn = (): void => {
    this.#armed = false
    const tasks = this.#tasks
    this.#tasks = []
    let done = 0
    try {
      while (done < tasks.length) tasks[done++]!()
    } finally {
      if (done < tasks.length) {
        this.#tasks.unshift(...tasks.slice(done))
        this.#arm()
      }
    }
  }
}
