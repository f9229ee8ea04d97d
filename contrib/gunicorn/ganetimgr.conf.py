# gunicorn -c contrib/gunicorn/ganetimgr.conf.py ganetimgr.wsgi       (from the directory with manage.py)

bind = "127.0.0.1:8088"  # or "unix:/run/ganetimgr/web.sock"; nginx stands in front

# Green threads: a worker serves many people while clusters are slow. Two workers, since a password check or a large
# snapshot keeps one busy for a moment; more where there are more cores.
worker_class = "gevent"
workers = 2
# Each request has a database connection for as long as it lasts: max_connections of MariaDB (151 unless changed) should
# be above workers x this + 50 for each watcher.
worker_connections = 50

# A worker that is asked to go finishes what it does: a change that waits for a silent cluster takes up to 15 s.
graceful_timeout = 30
timeout = 60  # without a sign of life of its hub

control_socket_disable = True  # it would lie in the home directory
accesslog = None  # nginx writes one
# What one would say if it were switched on: of an address the path alone, for tokens of programs may stand behind it
access_log_format = "%(h)s %(m)s %(U)s %(s)s %(D)s"
errorlog = "-"
