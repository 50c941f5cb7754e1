"""An audit of one collective, from endpoints, an address and a store alone; no node has a part in it.

What was read are facts; checks are pure functions of them; what doesn't hold is a finding, by round and field; and what
could not be had, or could therefore not be checked, is said, too.
"""
