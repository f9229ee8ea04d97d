"""The WSGI application that gunicorn serves: `gunicorn -k gevent ganetimgr.wsgi`."""

import ganetimgr.green  # noqa: F401, I001  (first: everything after it must see patched sockets)

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ganetimgr.settings")

from ganetimgr import shared_counts

shared_counts.share()
application = get_wsgi_application()
