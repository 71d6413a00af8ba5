import { millis } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { CheckTrace, VirtualClock } from '../src/index.ts'

test('lines about checks are kept with their time and teller, the last ones, and everything is passed on', () => {
  const clock = new VirtualClock()
  const trace = new CheckTrace(() => clock.now, 2)
  const passedOn: string[] = []
  const logger = trace.loggerOf('client', { debug: (_, message) => passedOn.push(message) })

  logger.debug({ remote: '192.0.2.1:1' }, 'check sent')
  clock.run(millis(7))
  logger.debug({ remote: '192.0.2.1:1', mapped: '192.0.2.2:2' }, 'check answered')
  logger.debug({}, 'of no interest')
  logger.info({ reason: 'ice-disconnected' }, 'connection failed')

  expect(trace.text).toBe(
    [
      '… 1 earlier lines',
      '7 ms client: check answered (remote: 192.0.2.1:1, mapped: 192.0.2.2:2)',
      '7 ms client: connection failed (reason: ice-disconnected)',
    ].join('\n'),
  )
  expect(passedOn).toEqual(['check sent', 'check answered', 'of no interest'])
})
