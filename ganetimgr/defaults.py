"""Every setting with a safe default. A site changes them in its own settings file, see settings.py.dist.

Settings of Django itself are explained in Django's documentation; here are the reasons for our values,
and the meaning of our own. Values that follow from others are computed in ganetimgr/sitefile.py.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

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
    "ABOUT_LINK": "",  # a page that says more about the service, for the sign-in page
    "VIDEO": "",  # where a film about the service is; nothing of it is loaded before somebody follows the link
    "FEED_URL": "",  # RSS or Atom, shown as news on the sign-in page and at /news/
    # A file with HTML for statistics, put at the end of every page. The Content-Security-Policy lets its scripts run,
    # as they are at the start of the processes; what they connect to beside where they come from, CSP_EXTRA says
    "ANALYTICS_FILE_PATH": "",
    "SHOW_ORGANIZATION_FORM": True,  # the form for a VM asks for the organisation
    "SHOW_ADMINISTRATIVE_FORM": True,  # and for who administers it
    "TERMS_URL": "",  # where the terms of use are, which people accept when they register
    # SOCIAL_NETWORKS: {"URL": ..., "NAME": ..., "FONT_AWESOME_NAME": ...}, whose icon we have for the usual ones
    "SERVICE_PROVIDED_BY": {"NAME": "", "URL": "", "SOCIAL_NETWORKS": []},
}
# Which texts about the site have links: "INFO" and "TOS" in the footer, "FAQ" for those who are signed in. They are
# written in the admin (flat pages); `manage.py loaddata flatpages.json` brings some to begin with
FLATPAGES = {"INFO": False, "TOS": False, "FAQ": False}
# A help desk's form, of Jira's issue collector: the address of its script, and the values of further fields
HELPDESK_INTEGRATION_JAVASCRIPT_URL = ""
HELPDESK_INTEGRATION_JAVASCRIPT_PARAMS: dict[str, object] = {}
# Where people find the site, such as "https://vps.example.org": for links in mails and the address of SSH keys.
# Empty: https and the first name of ALLOWED_HOSTS; where that is none, as the request says
SITE_URL = ""
SHOW_PATTERNS = False  # a page with every component at /patterns/, for development

# ---- people and sessions -------------------------------------------------------------

LOGIN_URL = "/user/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/user/login/"
AUTHENTICATION_BACKENDS = [
    "accounts.locks.Backend",  # first: whoever is locked is not tried
    "accounts.backends.PeopleBackend",
]
# Tries to sign in that fail before nothing can be tried for AXES_COOLOFF_TIME: by an account from one address,
AXES_FAILURE_LIMIT = 5
SIGN_IN_ACCOUNT_LIMIT = 50  # by an account from anywhere but the addresses from which it signs in,
SIGN_IN_ADDRESS_LIMIT = 50  # and by an address with all accounts; raise it where many people share one
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], "username", "ip_address"]
AXES_HANDLER = "accounts.locks.Handler"
AXES_USERNAME_CALLABLE = "accounts.locks.counted_name"
AXES_CLIENT_IP_CALLABLE = "accounts.locks.counted_address"
AXES_LOCKOUT_CALLABLE = "accounts.locks.answer_as_it_is"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # or an attacker could keep it closed
AXES_VERBOSE = False
# What it does not keep of a form: a name is now and then a password, in the wrong field
AXES_SENSITIVE_PARAMETERS = ["username", "code", "old_password", "new_password1", "new_password2"]
PASSWORD_RESET_TIMEOUT = 24 * 3600  # seconds that the link in the mail is good for
PASSWORD_RESETS_PER_HOUR = 20  # from one address, where an IPv6 network is one; 0 for any number
# Who has to have a second factor: "staff" are is_staff, superusers and whoever may see all instances; or "everybody"
SECOND_FACTOR_REQUIRED_FOR = ""
SECOND_FACTOR_TRUST_DAYS = 30  # how long a browser can do without the code, for those who say so there; 0 for never
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
SSH_KEYS_PER_PERSON = 50
SESSION_COOKIE_AGE = 10800  # seconds after signing in, or after "Stay signed in"
SESSION_WARNING = 300  # so many seconds before the end the page offers to stay
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
# An account without a sign-in for so many days is idle; "manage.py idle_accounts" asks whether it is still needed
IDLE_ACCOUNT_NOTIFICATION_DAYS = 180
# What "manage.py idle_policy" does to the VMs of which no owner has signed in for so many days: their owners are
# written to; so many days after that mail the VM is shut down; so many days after the same mail they are written to
# again; so many days after the second mail, and only with --destroy, it is destroyed
IDLE_POLICY_DAYS = 180
IDLE_POLICY_STOP_AFTER = 30
IDLE_POLICY_CONDEMN_AFTER = 90
IDLE_POLICY_DESTROY_AFTER = 30
# Tags ...:exclude (left in peace), ...:expired and ...:destroy begin with this; empty: GANETI_TAG_PREFIX and ":policy"
IDLE_POLICY_TAG = ""

# ---- registration --------------------------------------------------------------------

REGISTRATION_OPEN = True  # False: no form and no link to it, administrators make the accounts
ACCOUNT_ACTIVATION_DAYS = 10  # how long the link is good that proves an address
REGISTRATION_ADMINS: list[tuple[str, str]] = []  # who hears of people that wait; empty: ADMINS, else the superusers
REGISTRATIONS_PER_HOUR = 10  # from one address, where an IPv6 network is one; 0 for any number
# Names that nobody can register: they would be taken for us, or for the machine
RESERVED_USERNAMES = [
    *("root", "admin", "admins", "administrator", "superuser", "sysadmin", "operator", "staff", "system", "daemon"),
    *("nobody", "anonymous", "guest", "everybody", "support", "helpdesk", "service", "info", "noc", "security"),
    *("abuse", "postmaster", "hostmaster", "webmaster", "mailer-daemon", "noreply", "no-reply"),
    *("ganeti", "ganetimgr", "test"),
]
# Google's reCAPTCHA v2, where both keys are set; without them a check that asks no third party
RECAPTCHA_PUBLIC_KEY = ""
RECAPTCHA_PRIVATE_KEY = ""

# People of an LDAP directory, once AUTH_LDAP_SERVER_URI names one and requirements/ldap.txt is installed. Further
# AUTH_LDAP_* are django-auth-ldap's, see settings.py.dist
AUTH_LDAP_SERVER_URI = ""
# Whether somebody of the directory gets an account that has a password here if it has the same name; never of staff
LDAP_TAKES_OVER_LOCAL_ACCOUNTS = False
LDAP_PASSWORD_URL = ""  # where people of the directory change their password and e-mail address,
LDAP_ACCOUNT_HELP = ""  # or a sentence that says it

# ---- Ganeti --------------------------------------------------------------------------

GANETI_TAG_PREFIX = "ganetimgr"  # what our tags on Ganeti's objects begin with
# "plural" writes ganetimgr:users:NAME, "singular" ganetimgr:user:NAME for estates shared with older tools
GANETI_TAG_SPELLING = "plural"
RAPI_CONNECT_TIMEOUT = 8  # seconds until a connection must stand
RAPI_RESPONSE_TIMEOUT = 15  # seconds of silence that we bear
RAPI_DEADLINE = 60  # seconds that any single request may take, however busily it drips
INVENTORY_INTERVAL = 15  # seconds between two looks at a cluster
INVENTORY_INTERVAL_WATCHED = 4  # the same while somebody looks at a page about it
WATCHER_LEASE = 15  # seconds after which another watcher takes over what one that died looked after
# Where snapshots lie: "redis://..." shared by all machines, or a directory shared by the processes of one
SNAPSHOT_STORE = ""  # empty: REDIS_URL, or VAR_DIR/snapshots without one
REDIS_URL = ""
FIELD_KEY_FILE = ""  # a file whose content encrypts secrets in the database, instead of SECRET_KEY

# ---- what people do with their VMs ----------------------------------------------------

INSTANCE_ACTION_ACTIVE_DAYS = 7  # how long the mailed link is good that confirms a reinstallation, removal or rename
# The widest networks that may be let into an isolated VM, as lengths of their prefixes
WHITELIST_IP_MAX_SUBNET_V4 = 26
WHITELIST_IP_MAX_SUBNET_V6 = 64
# The address of a CD image is looked at before it is set (False: it is not), by somebody so many times an hour at most
# (0: any number). Networks that are not for the whole internet are never asked, and never set, but for those allowed.
CDROM_CHECK = True
CDROM_CHECKS_PER_HOUR = 30
CDROM_ALLOWED_NETWORKS: list[str] = []
# The console in the browser. Its process (console.py) listens there; browsers find it at the site's own address, below
# /console/, where the web server passes it on (contrib/nginx). Without one CONSOLE_URL says where it is, as in
# "ws://{host}:8089", where {host} is the name by which the browser came.
WEBSOCK_VNC_ENABLED = True
CONSOLE_HOST = "127.0.0.1"
CONSOLE_PORT = 8089
CONSOLE_URL = ""
CONSOLES_PER_PROCESS = 500
CONSOLES_PER_PERSON = 10
CONSOLE_VNC_PASSWORD = ""  # of the screens, where the clusters' vnc_password_file sets one
CONSOLE_NODE_ADDRESSES: dict[str, str] = {}  # node -> where its screens are, if not at its primary address
# "host:port" of a proxy of ganetimgr 2.x, which is used instead of our own console process; NOVNC_USE_TLS says whether
# browsers speak TLS to that proxy.
NOVNC_PROXY = ""
NOVNC_USE_TLS = True
# Where a grapher draws the load of VMs, such as "https://graphs.example.org"; empty: no graphs
COLLECTD_URL = ""
NODATA_IMAGE = ""  # a file that is sent where there is no graph; empty: our own
SERVER_MONITORING_URL = ""  # staff find a node at this address and its name; empty: no link

# ---- the watcher ---------------------------------------------------------------------

BEANSTALKD_HOST = ""  # empty: no broker, the watcher's sweep alone finds new jobs
BEANSTALKD_PORT = 11300  # where it listens
BEANSTALK_TUBE = ""  # empty: the tube "default"

# ---- applications for VMs --------------------------------------------------------------

# What people may ask for; reviewers may give more.
APPLICATION_MEMORY = [512, 768, 1024, 1500, 2048, 3072, 4096]  # MiB
APPLICATION_VCPUS = [1, 2, 3, 4]
APPLICATION_DISK = (2, 50, 5)  # GiB: least, most, what the form begins with
START_NEW_INSTANCES = True  # a new VM is started when it is made
APPLICATION_KEYS_DAYS = 30  # for so long the address of an application's SSH keys answers; 0 for ever

# Operating systems that can be chosen, all sources together; see settings.py.dist
OPERATING_SYSTEMS: dict[str, dict] = {"none": {"description": "No operating system", "provider": "noop"}}
OPERATING_SYSTEMS_URLS: list[str] = []  # listings of archives for ganeti-instance-image
OPERATING_SYSTEMS_PROVIDER = "image+default"
OPERATING_SYSTEMS_SSH_KEY_PARAM = "img_ssh_key_url"
SNF_OPERATING_SYSTEMS_URLS: list[str] = []  # listings of disk dumps for snf-image
SNF_IMG_PROPERTIES: dict[str, str] = {}
SNF_IMG_PASSWD = ""
IMAGES_URL: list[str] = []  # listings of files that describe an image each, in JSON
IMG_META_SFX = ".meta"
IMAGES_INTERVAL = 3600  # seconds between two looks at the listings

# ---- audit ---------------------------------------------------------------------------

AUDIT_ENTRIES_LAST_X_DAYS = 10  # what staff see of the history at first; 0 for everything

# ---- programs of others (OAuth2) -------------------------------------------------------

# Programs that people let read their user details and the names of their VMs: /o/..., /instances/list/, /user/details/
OAUTH_ENABLED = False
# Who may register such programs: superusers and holders of oauth2_provider.add_application, or everybody (as in 2.x)
OAUTH_EVERYBODY_REGISTERS = False
# Whether programs that an administrator registered for the implicit grant (as in 2.x) may use it
OAUTH_IMPLICIT_GRANT = True
OAUTH_IMPLICIT_TOKEN_SECONDS = 10 * 7 * 86400  # how long a token of theirs is good: nothing renews it
OAUTH_TOKEN_IN_QUERY = True  # whether a token may stand in the address (?access_token=), as in 2.x
# Tries of programs to prove who they are that fail, from one address (an IPv6 network is one); 0 for any number
OAUTH_FAILURES_PER_HOUR = 60
# django-oauth-toolkit's own settings; keys that a site leaves out keep these values.
OAUTH2_PROVIDER: dict[str, Any] = {
    "SCOPES": {"read": "Read user details and the names of VMs"},
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
    "REFRESH_TOKEN_EXPIRE_SECONDS": 10 * 7 * 86400,  # how long one can be left unused: each use gives a new one
    "AUTHORIZATION_CODE_EXPIRE_SECONDS": 60,
    "OAUTH2_VALIDATOR_CLASS": "apps.api.validator.Validator",
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    # What RFC 9700 asks for. The implicit grant and tokens in addresses are decided by our own settings above.
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,  # what the database keeps of a token is its hash
}
# Other sites whose pages may ask the API from a browser, such as "https://app.example.org". Never with cookies, and
# nothing but the API.
CORS_ALLOWED_ORIGINS: list[str] = []
CORS_URLS_REGEX = r"^/(instances/list|user/details|o/token|o/revoke_token)/?$"
CORS_ALLOW_METHODS = ["GET", "POST"]
CORS_ALLOW_HEADERS = ["authorization", "content-type"]
CORS_ALLOW_CREDENTIALS = False

# ---- errors ---------------------------------------------------------------------------

# Errors to Sentry, once requirements/sentry.txt is installed; the environment's SENTRY_DSN wins
SENTRY = {"activate": False, "sentry_dsn": ""}

# ---- numbers for Prometheus ------------------------------------------------------------

# Who may read /metrics: these addresses and networks (as TRUSTED_PROXIES tell them), and whoever sends the token. A
# token is what METRICS_TOKEN_FILE holds, or METRICS_TOKEN; without both none opens anything.
METRICS_ADDRESSES = ["127.0.0.0/8", "::1"]
METRICS_TOKEN = ""
METRICS_TOKEN_FILE = ""

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

# Mails are written into the database and sent by the watcher, so that nobody waits for this server.
EMAIL_HOST = "127.0.0.1"
EMAIL_PORT = 25
EMAIL_TIMEOUT = 20  # seconds
EMAIL_FILE_PATH = ""  # where Django's file backend puts them; empty: VAR_DIR/mail
EMAIL_SUBJECT_PREFIX = "[ganetimgr] "
SERVER_EMAIL = "no-reply@example.com"
DEFAULT_FROM_EMAIL = "no-reply@example.com"
EMAIL_REPLY_TO = ""  # where answers go; empty: to DEFAULT_FROM_EMAIL
OUTBOX_KEEP_DAYS = 30  # how long it is known that a mail was sent, or given up (never what was in it, once sent)

# ---- how it is put together ----------------------------------------------------------

SITE_ID = 1
ROOT_URLCONF = "ganetimgr.urls"
WSGI_APPLICATION = "ganetimgr.wsgi.application"
INSTALLED_APPS = [
    "ganetimgr",
    "accounts",
    "apps.audit",
    "apps.clusters",
    "apps.applications",
    "apps.pages",
    "apps.notifications",
    "oauth2_provider",
    "apps.api",  # after it, whose admin pages it takes away
    "corsheaders",
    "apps.stats",
    "apps.desk",
    "apps.adopting",
    "apps.demo",
    "registration",  # before the admin, or the admin's password reset pages win
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.sites",  # flat pages hang on it
    "django.contrib.flatpages",
    "django.contrib.staticfiles",
    "django.forms",  # for its templates, some of which are replaced by ours
    "axes",
    "django_htmx",
    "csp",
]
MIDDLEWARE = [
    "apps.api.tokens.TakeTokenMiddleware",  # first: what comes after it cannot tell a token to anybody
    "accounts.middleware.RequestIdMiddleware",
    "ganetimgr.counting.CountingMiddleware",
    "ganetimgr.logs.RequestLogMiddleware",
    "ganetimgr.health.HealthMiddleware",
    "accounts.middleware.TrustedProxyMiddleware",
    "ganetimgr.metrics.MetricsMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.preferences.PreferencesMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.sessions.SessionEndMiddleware",
    "accounts.second_factor.SecondFactorMiddleware",
    "axes.middleware.AxesMiddleware",
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

FORM_RENDERER = "django.forms.renderers.TemplatesSetting"  # so that ours in templates/django/forms are found

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
# Files of people are SSH keys: what is larger than FILE_UPLOAD_MAX_MEMORY_SIZE is passed over, and none is ever written
# to the disk, which anybody could fill otherwise, signed in or not.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

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
        "axes": {"level": "WARNING"},
        # gunicorn's own handlers give way to ours, which know no query strings; ganetimgr.requests tells the requests
        "gunicorn.error": {"propagate": True},
        "gunicorn.access": {"propagate": False},
    },
}
SILENCED_SYSTEM_CHECKS = [
    "mysql.W003",  # 320 characters of utf8mb4 are 1,280 bytes; an index of InnoDB may have 3,072
    "oauth2_provider.W008",  # http:// is for programs on one's own machine: apps/api/forms.py takes no other
]
