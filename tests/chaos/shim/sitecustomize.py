"""Puts a process's clock off by so many seconds, if it is on its path: libfaketime would break its sleeps."""

import os
import time

_real, _off = time.time, float(os.environ.get("CHAOS_CLOCK_OFF", "0"))
time.time = lambda: _real() + _off
