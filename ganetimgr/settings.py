"""Django's settings: the defaults, overlaid with the site's own file. Nothing is set here."""

from ganetimgr import defaults, sitefile
from ganetimgr.defaults import *  # noqa: F403  (the names, for readers and type checkers)

globals().update(sitefile.read({name: value for name, value in vars(defaults).items() if name.isupper()}))
