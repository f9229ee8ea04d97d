#!/usr/bin/env python
"""The watcher: collects inventories and follows jobs to their end. See `watcher.py --help`."""

import ganetimgr.green  # noqa: F401, I001  (first: everything after it must see patched sockets)

import sys

from ganetimgr.watching import main

if __name__ == "__main__":
    sys.exit(main())
