"""The peers: each function starts one, once, and gives how to reach it."""

import shutil
import sqlite3
import subprocess
from functools import cache
from pathlib import Path

from machine import install

PACKAGES = {
    "gateway": {
        "nginx-light": "/usr/sbin/nginx", "libnginx-mod-mail": "/usr/lib/nginx/modules/ngx_mail_module.so",
        "dovecot-imapd": "/usr/lib/dovecot/imap", "openssl": "/usr/bin/openssl",
    },
    "store": {
        "dovecot-imapd": "/usr/lib/dovecot/imap", "dovecot-lmtpd": "/usr/lib/dovecot/lmtp",
        "openssl": "/usr/bin/openssl",
    },
    "webmail": {
        "nginx-light": "/usr/sbin/nginx", "dovecot-imapd": "/usr/lib/dovecot/imap",
        "dovecot-lmtpd": "/usr/lib/dovecot/lmtp", "roundcube-core": "/var/lib/roundcube/public_html",
        "roundcube-sqlite3": "/usr/share/doc/roundcube-sqlite3", "php-fpm": "/usr/share/doc/php-fpm",
        "php-sqlite3": "/usr/share/doc/php-sqlite3", "php-intl": "/usr/share/doc/php-intl",
        "php-mbstring": "/usr/share/doc/php-mbstring", "php-xml": "/usr/share/doc/php-xml",
        "openssl": "/usr/bin/openssl",
    },
    "growth": {"openssl": "/usr/bin/openssl"},
}


def needed(suite, with_peers):
    """Installs what that suite needs."""
    install(PACKAGES[suite] if with_peers else {"openssl": "/usr/bin/openssl"})


@cache
def fake_imap(machine):
    """An upstream that costs almost nothing, so that the gateway before it is what is measured."""
    port = machine.port("FAKE_IMAP")
    return machine.start("fake-imap", [machine.load, "fake-imap", "--listen", f"127.0.0.1:{port}"], port)


@cache
def fake_smtp(machine):
    port = machine.port("FAKE_SMTP")
    return machine.start("fake-smtp", [machine.load, "fake-smtp", "--listen", f"127.0.0.1:{port}"], port)


@cache
def copier(machine, tls):
    """What copies bytes and nothing else: the least that a gateway can cost."""
    name = "COPIER_TLS" if tls else "COPIER"
    port, to = machine.port(name), machine.port("FAKE_IMAP")
    keys = ["--certificate", machine.certificate, "--key", machine.key] if tls else []
    command = [machine.load, "copier", "--listen", f"127.0.0.1:{port}", "--to", f"127.0.0.1:{to}", "--threads", 2]
    return machine.start(name.lower(), [*command, *keys], port)


@cache
def nginx_mail(machine):
    port, imap = machine.port("AUTH_HTTP"), machine.port("FAKE_IMAP")
    asked = [machine.load, "auth-http", "--listen", f"127.0.0.1:{port}", "--imap", f"127.0.0.1:{imap}"]
    machine.start("auth-http", asked, port)
    return start_nginx(machine, "nginx-mail", machine.port("NGINX_IMAPS"))


def start_nginx(machine, name, port):
    conf = machine.render(f"{name}.conf")
    return machine.start(name, ["nginx", "-c", conf, "-e", machine.state / f"{name}.log", "-g", "daemon off;"], port)


@cache
def dovecot_proxy(machine):
    return start_dovecot(machine, "dovecot-proxy", machine.port("PROXY_IMAPS"))


@cache
def dovecot_store(machine):
    mail = machine.state / "mail"
    for kind in ("maildir", "sdbox", "mdbox"):
        (mail / kind).mkdir(parents=True)
        shutil.chown(mail / kind, "mail", "mail")
    return start_dovecot(machine, "dovecot-store", machine.port("STORE_IMAP"))


def start_dovecot(machine, name, port):
    conf = machine.render(f"{name}.conf")
    (machine.state / name).mkdir()
    return machine.start(name, ["dovecot", "-F", "-c", conf], port)


@cache
def dovecot_corpus(machine, kind, count):
    """The corpus in the mailbox corp@KIND."""
    dovecot_store(machine)
    home = machine.state / "mail" / kind / "corp"
    if kind == "maildir":
        machine_maildir = [machine.load, "maildir", "--dir", home / "mail", "--n", str(count)]
        subprocess.run(machine_maildir, check=True)
        for path in (home, *home.rglob("*")):
            shutil.chown(path, "mail", "mail")
    else:
        to = f"127.0.0.1:{machine.port('STORE_IMAP')}"
        corpus = ["--corpus", "--n", count, "--pipeline", 20]
        machine.measure("imap-append", "--to", to, "--user", f"corp@{kind}", *corpus)


@cache
def roundcube(machine):
    """Roundcube before Dovecot; gives the programs whose CPU is its own."""
    fake_smtp(machine)
    folder = machine.state / "roundcube"
    for name in ("config", "temp", "log"):
        (folder / name).mkdir(parents=True)
    for name in ("defaults.inc.php", "mimetypes.php"):
        (folder / "config" / name).symlink_to(Path("/etc/roundcube") / name)
    machine.render("roundcube.inc.php", folder / "config/config.inc.php")
    schema = Path("/usr/share/roundcube/SQL/sqlite.initial.sql").read_text()
    with sqlite3.connect(folder / "db.sqlite") as database:
        database.executescript(schema)
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            shutil.chown(path, "www-data", "www-data")
    php = next(path for path in sorted(Path("/usr/sbin").glob("php-fpm*")))
    conf = machine.render("php-fpm.conf")
    fpm = machine.start("php-fpm", [php, "-F", "-y", conf], machine.port("PHP"))
    return [fpm, start_nginx(machine, "nginx-web", machine.port("ROUNDCUBE"))]
