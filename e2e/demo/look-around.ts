import type { Lab } from '../lab/lab.ts'
import { isInUserNamespace } from '../lab/privilege.ts'

/** Prints how to use what `--keep` leaves running. */
export function printLookAround(lab: Lab): void {
  const name = (host: string): string => lab.namespaces.find(namespace => namespace.name === host)?.systemName ?? host
  const enter = isInUserNamespace() ? `nsenter -t ${process.pid} -U -m --preserve-credentials ` : ''
  console.log(`
  It keeps running until Ctrl-C. Look around:
    ${enter}ip netns exec ${name('client')} curl http://10.80.0.10/
    ${enter}ip netns exec ${name('client')} ip route show table all
    ${enter}ip netns exec ${name('gateway-1')} nft list ruleset
    ${enter}ip netns exec ${name('internet')} curl http://203.0.113.10:8080/
    ls ${lab.logFolder}`)
}
