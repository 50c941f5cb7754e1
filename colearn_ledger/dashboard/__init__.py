"""The page that shows a collective live: what it reads of the chain, and the server on loopback.

It keeps no truth of its own: what it has read is dropped as soon as the chain says otherwise, and read again.
"""
