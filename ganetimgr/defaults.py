"""Every setting with a safe default. A site changes them in its own settings file, see settings.py.dist.

Settings of Django itself are explained in Django's documentation; here are the reasons for our values,
and the meaning of our own. Values that follow from others are computed in ganetimgr/sitefile.py.
"""

from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"  # everything that the embedded default keeps: database, snapshots, generated key

# ---- the site ------------------------------------------------------------------------

DEBUG = False
SECRET_KEY = ""  # empty: generated once and kept in VAR_DIR/secret-key
SECRET_KEY_FALLBACKS: list[str] = []
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS: list[str] = []
ADMINS: list[tuple[str, str]] = []
MANAGERS: list[tuple[str, str]] = []

# What the pages call the service. Keys that a site leaves out keep these values.
BRANDING = {
    "TITLE": "ganetimgr",
    "MOTTO": "",
    "LOGO": "",
    "FAVICON": "",
    "SERVICE_PROVIDED_BY": {"NAME": "", "URL": "", "SOCIAL_NETWORKS": []},
}
# Where people find the site, such as "https://vps.example.org": for links in mails. Empty: as the request says
SITE_URL = ""
SHOW_PATTERNS = False  # a page with every component at /patterns/, for development

# ---- people and sessions -------------------------------------------------------------

LOGIN_URL = "/user/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/user/login/"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SESSION_COOKIE_AGE = 10800  # seconds
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"

# ---- Ganeti --------------------------------------------------------------------------

GANETI_TAG_PREFIX = "ganetimgr"
# "plural" writes ganetimgr:users:NAME, "singular" ganetimgr:user:NAME for estates shared with older tools
GANETI_TAG_SPELLING = "plural"
RAPI_CONNECT_TIMEOUT = 8  # seconds until a connection must stand
RAPI_RESPONSE_TIMEOUT = 15  # seconds of silence that we bear
RAPI_DEADLINE = 60  # seconds that any single request may take, however busily it drips
INVENTORY_INTERVAL = 15  # seconds between two looks at a cluster
INVENTORY_INTERVAL_WATCHED = 4  # the same while somebody looks at a page about it
# Where snapshots lie: "redis://..." shared by all machines, or a directory shared by the processes of one
SNAPSHOT_STORE = ""  # empty: REDIS_URL, or VAR_DIR/snapshots without one
REDIS_URL = ""
FIELD_KEY_FILE = ""  # a file whose content encrypts stored RAPI passwords, instead of SECRET_KEY

# ---- the watcher ---------------------------------------------------------------------

BEANSTALKD_HOST = ""  # empty: no broker, the watcher's sweep alone finds new jobs
BEANSTALKD_PORT = 11300
BEANSTALK_TUBE = ""

# ---- audit ---------------------------------------------------------------------------

AUDIT_ENTRIES_LAST_X_DAYS = 10  # what staff see of the history at first; 0 for everything

# ---- behind a proxy ------------------------------------------------------------------

USE_X_FORWARDED_HOST = False
TRUSTED_PROXIES: list[str] = []  # addresses and networks whose X-Forwarded-For and -Proto count
CSP_EXTRA: dict[str, list[str]] = {}  # directive -> further sources, for a site's own help desk or statistics

# ---- storage -------------------------------------------------------------------------

DATABASES: dict[str, dict] = {}  # empty: SQLite in VAR_DIR
# What speaks to MySQL or MariaDB: "pymysql", "mysqlclient" (never for web and watcher: it stops all green threads
# during a query), or "auto": PyMySQL in web and watcher, mysqlclient in commands where it is installed
MYSQL_DRIVER = "auto"
CACHES: dict[str, dict] = {}  # empty: Redis at REDIS_URL, or memory of each process without one
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# ---- languages and times -------------------------------------------------------------

LANGUAGES = [("en", "English"), ("el", "Ελληνικά")]
LANGUAGE_CODE = "en"
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Europe/Athens"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH: list[str] = []

# ---- mail ----------------------------------------------------------------------------

EMAIL_HOST = "127.0.0.1"
EMAIL_PORT = 25
EMAIL_TIMEOUT = 20
EMAIL_SUBJECT_PREFIX = "[ganetimgr] "
SERVER_EMAIL = "no-reply@example.com"
DEFAULT_FROM_EMAIL = "no-reply@example.com"

# ---- how it is put together ----------------------------------------------------------

ROOT_URLCONF = "ganetimgr.urls"
WSGI_APPLICATION = "ganetimgr.wsgi.application"
INSTALLED_APPS = [
    "ganetimgr",
    "accounts",
    "apps.audit",
    "apps.clusters",
    "apps.demo",
    "registration",  # before the admin, or the admin's password reset pages win
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
]
MIDDLEWARE = [
    "accounts.middleware.RequestIdMiddleware",
    "ganetimgr.logs.RequestLogMiddleware",
    "ganetimgr.health.HealthMiddleware",
    "accounts.middleware.TrustedProxyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "accounts.context_processors.shell",
            ],
        },
    }
]

STATIC_URL = "/static/"
STATIC_ROOT = ""  # empty: VAR_DIR/static
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True  # a site that runs collectstatic behind nginx does not need it, an embedded one does

X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_REDIRECT_EXEMPT = [r"^readyz$"]  # monitors ask the process itself, without TLS
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000

LOG_FORMAT = "line"  # or "json": an object for each record, for those who collect logs from many machines
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request": {"()": "ganetimgr.logs.RequestFilter"}},
    "formatters": {"chosen": {"()": "ganetimgr.logs.formatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "chosen", "filters": ["request"]}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
        # gunicorn's own handlers give way to ours, which know no query strings; ganetimgr.requests tells the requests
        "gunicorn.error": {"propagate": True},
        "gunicorn.access": {"propagate": False},
    },
}
SILENCED_SYSTEM_CHECKS: list[str] = []
