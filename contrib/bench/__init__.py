"""`make bench`: how fast, how large and how frugal the site is, as one JSON object per line. See docs/bench.md.

Everything runs as in production, on this machine: gunicorn with gevent workers, watchers, Redis where there is
one, and simulated clusters in a process of their own, which answer 100 ms late.
"""
