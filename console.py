#!/usr/bin/env python
"""The console: shows the screens of VMs to browsers. See `console.py --help`."""

import ganetimgr.green  # noqa: F401, I001  (first: everything after it must see patched sockets)

import sys

from ganetimgr.consoling import main

if __name__ == "__main__":
    sys.exit(main())
