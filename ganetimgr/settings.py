"""Django's settings: the defaults, overlaid with the site's own file. Nothing is set here."""

from ganetimgr import defaults, sitefile

globals().update(sitefile.read({name: value for name, value in vars(defaults).items() if name.isupper()}))
