// Run by a test as an unprivileged user: sets a tunnel up, or tells why that is not possible.
import { IpPrefix } from '@sallyport/ip-packet'
import { IpAddress } from '@sallyport/sans-io'
import { OWN_MARK } from '../src/net/route.ts'
import { TunNetwork } from '../src/net/tun-network.ts'
import { openTun } from '../src/tun/open-tun.ts'
import { TunError } from '../src/tun/tun-error.ts'
import { openUdpSocket } from '../src/udp/open-udp.ts'

try {
  const tun = openTun({ name: 'sptest-user' })
  const network = new TunNetwork(tun)
  network.configure({ addresses: [IpAddress.of('10.9.0.1')], routes: [IpPrefix.of('0.0.0.0/0')] })
  const socket = await openUdpSocket({ family: 4, mark: OWN_MARK })
  socket.close()
  network.close()
  tun.close()
  console.log('up')
} catch (error) {
  if (!(error instanceof TunError)) throw error
  console.log(`${error.code}: ${error.message}`)
}
