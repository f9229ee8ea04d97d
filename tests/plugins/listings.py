"""Real web servers that list a directory: Apache, nginx (as a page and as JSON) and lighttpd."""

import os
from pathlib import Path

from tests.plugins.servers import Server


class Listing(Server):
    """Serves `root`; subclasses write the configuration of one kind of server."""

    def __init__(self, directory: Path, root: Path) -> None:
        super().__init__(directory)
        self.root = root
        self.configuration = directory / "server.conf"
        self.configuration.write_text(self.configured())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def configured(self) -> str:
        raise NotImplementedError


class Apache(Listing):
    def configured(self) -> str:
        modules = ("mpm_event", "authz_core", "mime", "dir", "autoindex")
        loaded = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in modules)
        user = "User nobody\nGroup nogroup\n" if os.getuid() == 0 else ""
        return f"""{loaded}
{user}ServerName localhost
Listen 127.0.0.1:{self.port}
PidFile {self.directory}/apache.pid
DefaultRuntimeDir {self.directory}
ErrorLog {self.log}
TypesConfig /dev/null
DocumentRoot {self.root}
<Directory {self.root}>
    Options +Indexes
    IndexOptions FancyIndexing HTMLTable SuppressDescription NameWidth=12
    Require all granted
</Directory>
"""

    def command(self) -> list[str]:
        return ["/usr/sbin/apache2", "-X", "-f", str(self.configuration)]


class NginxPage(Listing):
    form = "html"

    def configured(self) -> str:
        return f"""daemon off;
worker_processes 1;
{"user root;" if os.getuid() == 0 else ""}
pid {self.directory}/nginx.pid;
error_log {self.log};
events {{}}
http {{
    access_log off;
    client_body_temp_path {self.directory};
    proxy_temp_path {self.directory};
    fastcgi_temp_path {self.directory};
    uwsgi_temp_path {self.directory};
    scgi_temp_path {self.directory};
    server {{
        listen 127.0.0.1:{self.port};
        root {self.root};
        autoindex on;
        autoindex_format {self.form};
    }}
}}
"""

    def command(self) -> list[str]:
        return ["/usr/sbin/nginx", "-c", str(self.configuration), "-e", str(self.log)]


class NginxJson(NginxPage):
    form = "json"


class Lighttpd(Listing):
    def configured(self) -> str:
        return f"""server.modules = ("mod_dirlisting")
server.document-root = "{self.root}"
server.bind = "127.0.0.1"
server.port = {self.port}
server.errorlog = "{self.log}"
dir-listing.activate = "enable"
"""

    def command(self) -> list[str]:
        return ["/usr/sbin/lighttpd", "-D", "-f", str(self.configuration)]
