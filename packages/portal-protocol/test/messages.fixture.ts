/** Messages as they travel. */
export interface MessageFixture {
  readonly event: string
  // biome-ignore lint/suspicious/noExplicitAny: tests take fixtures apart
  readonly payload: any
}

type Direction =
  | 'portalToClient'
  | 'clientToPortal'
  | 'portalToGateway'
  | 'gatewayToPortal'
  | 'portalToRelay'
  | 'relayJoin'

/** One message of each kind at least, by direction. */
export const messages: Readonly<Record<Direction, readonly MessageFixture[]>> = {
  portalToClient: [
    {
      event: 'init',
      payload: {
        interface: {
          ipv4: '100.64.12.7',
          ipv6: 'fd00:2021:1111::c:7',
          search_domain: 'corp.example',
          upstream_dns: [
            {
              protocol: 'ip_port',
              address: '1.1.1.1:53',
            },
          ],
        },
        resources: [
          {
            id: '73037362-715d-4a83-a749-f18eadd970e6',
            type: 'cidr',
            name: 'Office LAN',
            address: '172.20.0.0/16',
            address_description: 'the LAN',
            gateway_groups: [
              {
                id: 'bf56f32d-7b2c-4f5d-a784-788977d014a4',
                name: 'HQ',
              },
            ],
            filters: [
              {
                protocol: 'tcp',
                port_range_start: 80,
                port_range_end: 443,
              },
              {
                protocol: 'icmp',
              },
            ],
          },
          {
            id: '03000143-e25e-45c7-aafb-144990e57dcd',
            type: 'dns',
            name: 'Git',
            address: '*.git.corp.example',
            address_description: null,
            gateway_groups: [
              {
                id: 'bf56f32d-7b2c-4f5d-a784-788977d014a4',
                name: 'HQ',
              },
            ],
            filters: [],
            ip_stack: 'dual',
          },
          {
            id: '1106047c-cd5d-4151-b679-96b93da7383b',
            type: 'internet',
            can_be_disabled: true,
            gateway_groups: [
              {
                id: 'eb94482a-94f4-47cb-8127-14fb3afa5516',
                name: 'Internet',
              },
            ],
          },
        ],
        relays: [
          {
            id: 'c9cb8892-e355-41e6-a882-b6d6c38beb66',
            type: 'turn',
            addr: '203.0.113.101:3478',
            username: '1767225600:NlpbFjNdydh79lrATMjo2A2dncNDhw33hlatdBZi0xg',
            password: 'HSWpnHBK/9qo6RtwiFDuh4gfDSbhQMnL+Xi6W360+eM',
            expires_at: 1767225600,
          },
          {
            id: 'c9cb8892-e355-41e6-a882-b6d6c38beb66',
            type: 'turn',
            addr: '[203:0:113::101]:3478',
            username: '1767225600:NlpbFjNdydh79lrATMjo2A2dncNDhw33hlatdBZi0xg',
            password: 'HSWpnHBK/9qo6RtwiFDuh4gfDSbhQMnL+Xi6W360+eM',
            expires_at: 1767225600,
          },
        ],
      },
    },
    {
      event: 'resource_deleted',
      payload: '73037362-715d-4a83-a749-f18eadd970e6',
    },
    {
      event: 'config_changed',
      payload: {
        interface: {
          ipv4: '100.64.12.7',
          ipv6: 'fd00:2021:1111::c:7',
          search_domain: null,
          upstream_dns: [],
        },
      },
    },
    {
      event: 'relays_presence',
      payload: {
        disconnected_ids: ['c9cb8892-e355-41e6-a882-b6d6c38beb66'],
        connected: [],
      },
    },
    {
      event: 'ice_candidates',
      payload: {
        gateway_id: '3d1c2b0a-6f5e-4c3d-8b2a-190817263544',
        candidates: ['candidate:fffeff021e6ee2f6 1 udp 1694498559 203.0.113.5 52625 typ srflx raddr 0.0.0.0 rport 0'],
      },
    },
    {
      event: 'flow_created',
      payload: {
        resource_id: '73037362-715d-4a83-a749-f18eadd970e6',
        gateway_id: '3d1c2b0a-6f5e-4c3d-8b2a-190817263544',
        gateway_group_id: 'bf56f32d-7b2c-4f5d-a784-788977d014a4',
        gateway_public_key: 'HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=',
        gateway_ipv4: '100.72.0.3',
        gateway_ipv6: 'fd00:2021:1111::8:3',
        preshared_key: 'ytHA17IoNSWJ3JmqJD1p8aPU0G5XNsTSKZKFPV8RBz4=',
        client_ice_credentials: {
          username: 'jj6i',
          password: 'iozdbpc2k57qee5tzix5gf',
        },
        gateway_ice_credentials: {
          username: 'xczi',
          password: '2sud3fng35wscya264egoa',
        },
      },
    },
    {
      event: 'flow_creation_failed',
      payload: {
        resource_id: '73037362-715d-4a83-a749-f18eadd970e6',
        reason: 'forbidden',
        violated_properties: ['remote_ip', 'current_utc_datetime'],
      },
    },
    {
      event: 'init',
      payload: {
        interface: {
          ipv4: '100.64.3.9',
          ipv6: 'fd00:2021:1111::3:9',
          upstream_dns: [
            {
              protocol: 'ip_port',
              address: '1.1.1.1:53',
            },
          ],
          search_domain: 'corp.example',
        },
        resources: [
          {
            type: 'cidr',
            id: '7b1f3c2e-3a3f-4a0f-9d0e-000000000001',
            name: 'Office',
            address: '10.1.0.0/16',
            address_description: null,
            gateway_groups: [
              {
                id: '5d2d8a3a-0000-4000-8000-000000000001',
                name: 'Berlin',
              },
            ],
          },
          {
            type: 'dns',
            id: '7b1f3c2e-3a3f-4a0f-9d0e-000000000002',
            name: 'Git',
            address: '*.git.corp.example',
            address_description: null,
            gateway_groups: [
              {
                id: '5d2d8a3a-0000-4000-8000-000000000001',
                name: 'Berlin',
              },
            ],
            ip_stack: 'dual',
          },
          {
            type: 'internet',
            id: '7b1f3c2e-3a3f-4a0f-9d0e-000000000003',
            gateway_groups: [
              {
                id: '5d2d8a3a-0000-4000-8000-000000000002',
                name: 'Internet',
              },
            ],
          },
        ],
        relays: [
          {
            type: 'turn',
            id: 'c0a80101-0000-4000-8000-000000000001',
            addr: '203.0.113.7:3478',
            username: '1767225600:abc',
            password: 'secret',
            expires_at: 1767225600,
          },
          {
            type: 'turn',
            id: 'c0a80101-0000-4000-8000-000000000001',
            addr: '[2001:db8::7]:3478',
            username: '1767225600:abc',
            password: 'secret',
            expires_at: 1767225600,
          },
        ],
      },
    },
    {
      event: 'flow_created',
      payload: {
        resource_id: '7b1f3c2e-3a3f-4a0f-9d0e-000000000001',
        gateway_id: 'a1a1a1a1-0000-4000-8000-000000000001',
        gateway_group_id: '5d2d8a3a-0000-4000-8000-000000000001',
        gateway_public_key: 'AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=',
        gateway_ipv4: '100.64.9.1',
        gateway_ipv6: 'fd00:2021:1111::9:1',
        preshared_key: 'ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICA=',
        client_ice_credentials: {
          username: 'abcd',
          password: 'abcdefghijklmnopqrstuv',
        },
        gateway_ice_credentials: {
          username: 'wxyz',
          password: 'zyxwvutsrqponmlkjihgfe',
        },
      },
    },
    {
      event: 'flow_creation_failed',
      payload: {
        resource_id: '7b1f3c2e-3a3f-4a0f-9d0e-000000000001',
        reason: 'forbidden',
        violated_properties: ['remote_ip'],
      },
    },
    {
      event: 'resource_created_or_updated',
      payload: {
        id: '03000143-e25e-45c7-aafb-144990e57dcd',
        type: 'dns',
        name: 'Git',
        address: '*.git.corp.example',
        address_description: null,
        gateway_groups: [
          {
            id: 'bf56f32d-7b2c-4f5d-a784-788977d014a4',
            name: 'HQ',
          },
        ],
        filters: [],
        ip_stack: 'dual',
      },
    },
  ],
  clientToPortal: [
    {
      event: 'create_flow',
      payload: {
        resource_id: '73037362-715d-4a83-a749-f18eadd970e6',
        connected_gateway_ids: [],
      },
    },
    {
      event: 'broadcast_ice_candidates',
      payload: {
        gateway_ids: ['3d1c2b0a-6f5e-4c3d-8b2a-190817263544'],
        candidates: ['candidate:1 1 udp 2130706431 192.168.1.5 52625 typ host'],
      },
    },
    {
      event: 'create_flow',
      payload: {
        resource_id: '7b1f3c2e-3a3f-4a0f-9d0e-000000000001',
        connected_gateway_ids: ['a1a1a1a1-0000-4000-8000-000000000001'],
      },
    },
    {
      event: 'broadcast_ice_candidates',
      payload: {
        gateway_ids: ['a1a1a1a1-0000-4000-8000-000000000001'],
        candidates: ['candidate:1 1 udp 2113937151 192.0.2.10 52625 typ host'],
      },
    },
    {
      event: 'broadcast_invalidated_ice_candidates',
      payload: {
        gateway_ids: ['a1a1a1a1-0000-4000-8000-000000000001'],
        candidates: ['candidate:1 1 udp 2113937151 192.0.2.10 52625 typ host'],
      },
    },
  ],
  portalToGateway: [
    {
      event: 'init',
      payload: {
        interface: {
          ipv4: '100.72.0.3',
          ipv6: 'fd00:2021:1111::8:3',
        },
        account_slug: 'acme',
        authorizations: [
          {
            client_id: '8f2a4f0e-8d5c-4d2b-9a55-2f3a5f0c7b11',
            resource_id: '73037362-715d-4a83-a749-f18eadd970e6',
            expires_at: 1767225600,
          },
        ],
        relays: [],
        config: {
          ipv4_masquerade_enabled: true,
          ipv6_masquerade_enabled: true,
        },
      },
    },
    {
      event: 'authorize_flow',
      payload: {
        ref: 'SFMyNTY.g2gDbQ...',
        expires_at: 1767225600,
        resource: {
          id: '73037362-715d-4a83-a749-f18eadd970e6',
          type: 'cidr',
          name: 'Office LAN',
          address: '172.20.0.0/16',
          filters: [
            {
              protocol: 'tcp',
              port_range_start: 80,
              port_range_end: 443,
            },
          ],
        },
        client: {
          id: '8f2a4f0e-8d5c-4d2b-9a55-2f3a5f0c7b11',
          public_key: '+HapiGI5UdeRjKuKTwk4ZPPYpCnlXHvvqebcIevL+2A=',
          preshared_key: 'ytHA17IoNSWJ3JmqJD1p8aPU0G5XNsTSKZKFPV8RBz4=',
          ipv4: '100.64.12.7',
          ipv6: 'fd00:2021:1111::c:7',
        },
        client_ice_credentials: {
          username: 'jj6i',
          password: 'iozdbpc2k57qee5tzix5gf',
        },
        gateway_ice_credentials: {
          username: 'xczi',
          password: '2sud3fng35wscya264egoa',
        },
      },
    },
    {
      event: 'reject_access',
      payload: {
        client_id: '8f2a4f0e-8d5c-4d2b-9a55-2f3a5f0c7b11',
        resource_id: '73037362-715d-4a83-a749-f18eadd970e6',
      },
    },
    {
      event: 'access_authorization_expiry_updated',
      payload: {
        client_id: '8f2a4f0e-8d5c-4d2b-9a55-2f3a5f0c7b11',
        resource_id: '73037362-715d-4a83-a749-f18eadd970e6',
        expires_at: 1767222000,
      },
    },
    {
      event: 'resource_updated',
      payload: {
        id: '73037362-715d-4a83-a749-f18eadd970e6',
        type: 'cidr',
        name: 'Office LAN',
        address: '172.20.0.0/16',
        filters: [
          {
            protocol: 'icmp',
          },
        ],
      },
    },
    {
      event: 'init',
      payload: {
        interface: {
          ipv4: '100.64.9.1',
          ipv6: 'fd00:2021:1111::9:1',
        },
        config: {
          ipv4_masquerade_enabled: true,
          ipv6_masquerade_enabled: true,
        },
        account_slug: 'acme',
        relays: [
          {
            type: 'turn',
            id: 'c0a80101-0000-4000-8000-000000000001',
            addr: '203.0.113.7:3478',
            username: '1767225600:abc',
            password: 'secret',
            expires_at: 1767225600,
          },
        ],
        authorizations: [
          {
            client_id: 'c1c1c1c1-0000-4000-8000-000000000001',
            resource_id: '7b1f3c2e-3a3f-4a0f-9d0e-000000000001',
            expires_at: 1767229200,
          },
        ],
      },
    },
    {
      event: 'authorize_flow',
      payload: {
        ref: 'opaque-ref',
        resource: {
          type: 'dns',
          id: '7b1f3c2e-3a3f-4a0f-9d0e-000000000002',
          name: 'Git',
          address: '*.git.corp.example',
          filters: [
            {
              protocol: 'tcp',
              port_range_start: 443,
              port_range_end: 443,
            },
            {
              protocol: 'udp',
            },
            {
              protocol: 'icmp',
            },
          ],
        },
        client: {
          id: 'c1c1c1c1-0000-4000-8000-000000000001',
          public_key: 'AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=',
          preshared_key: 'ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICA=',
          ipv4: '100.64.3.9',
          ipv6: 'fd00:2021:1111::3:9',
        },
        client_ice_credentials: {
          username: 'abcd',
          password: 'abcdefghijklmnopqrstuv',
        },
        gateway_ice_credentials: {
          username: 'wxyz',
          password: 'zyxwvutsrqponmlkjihgfe',
        },
        expires_at: 1767229200,
      },
    },
  ],
  gatewayToPortal: [
    {
      event: 'flow_authorized',
      payload: {
        ref: 'SFMyNTY.g2gDbQ...',
      },
    },
    {
      event: 'flow_authorized',
      payload: {
        ref: 'opaque-ref',
      },
    },
    {
      event: 'broadcast_ice_candidates',
      payload: {
        client_ids: ['8f2a4f0e-8d5c-4d2b-9a55-2f3a5f0c7b11'],
        candidates: ['candidate:1 1 udp 2130706431 192.168.1.5 52625 typ host'],
      },
    },
  ],
  portalToRelay: [
    {
      event: 'init',
      payload: {},
    },
  ],
  relayJoin: [
    {
      event: 'phx_join',
      payload: {
        stamp_secret: '4c98bf59c99b3e467ecd7cf9d6b3e5279645fca59be67bc5bb4af3cf653761ab',
      },
    },
  ],
}
