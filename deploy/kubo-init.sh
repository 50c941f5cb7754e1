#!/bin/sh
# Makes the repository of an IPFS daemon (IPFS_PATH) one of the collective's private swarm. Harmless when it has been
# done. In a container of Kubo's own image it is run before each start of the daemon.
#   IPFS_PEERS   the others' addresses, /ip4/…/tcp/4001/p2p/…, separated by blanks; may be empty
set -eu

ipfs bootstrap rm --all > /dev/null
ipfs config Routing.Type none
ipfs config --json AutoConf.Enabled false
ipfs config --json AutoTLS.Enabled false
ipfs config --json Discovery.MDNS.Enabled false
ipfs config --json Swarm.DisableNatPortMap true
ipfs config --json Addresses.Gateway '[]'
# Whoever reaches the RPC owns the daemon: on loopback alone, also inside a container.
ipfs config Addresses.API "${IPFS_API:-/ip4/127.0.0.1/tcp/5001}"
# Only TCP works in a private swarm.
ipfs config --json Addresses.Swarm "[\"${IPFS_SWARM:-/ip4/0.0.0.0/tcp/4001}\"]"

peers=
for address in ${IPFS_PEERS:-}; do
    peers="$peers${peers:+, }{\"ID\": \"${address##*/p2p/}\", \"Addrs\": [\"${address%/p2p/*}\"]}"
done
ipfs config --json Peering.Peers "[$peers]"
