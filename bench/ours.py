"""Sekisho in the bench: one binary, embedded or before an upstream."""

import base64
import hashlib
import subprocess

import peers

PASSWORD = "pw"
# Imported as it is; the first login makes it argon2id.
HASH = "{SSHA256}" + base64.b64encode(hashlib.sha256(b"pwsaltsalt").digest() + b"saltsalt").decode()

RELAY = """
[relay]
host = "127.0.0.1"
port = {smtp}
tls = "none"
"""
EMBEDDED = """
[lmtp]
listen = ["127.0.0.1:{lmtp}"]
"""
UPSTREAM = """
[[upstream]]
name = "upstream"
imap = ["127.0.0.1:{imap}"]
submission = ["127.0.0.1:{smtp}"]
tls = "none"
user = "{{login}}{suffix}"
"""


class Sekisho:
    """One installation with accounts of its own. `upstream` is None, "fake" or "dovecot"."""

    def __init__(self, machine, binary, label, accounts, upstream=None):
        self.machine, self.binary = machine, binary
        peers.fake_smtp(machine)
        self.name = f"{label}-{upstream or 'embedded'}-{len(accounts)}"
        self.folder = machine.state / self.name
        words = {kind: self.port(kind.removeprefix("OURS_")) for kind in
                 ("OURS_WEB", "OURS_APP", "OURS_IMAP", "OURS_IMAPS", "OURS_SMTP")}
        self.config = machine.render("sekisho.toml", self.folder / "sekisho.toml", FOLDER=self.folder, **words)
        smtp = machine.port("FAKE_SMTP")
        if upstream == "fake":
            peers.fake_imap(machine)
            more = UPSTREAM.format(imap=machine.port("FAKE_IMAP"), smtp=smtp, suffix="")
        elif upstream == "dovecot":
            peers.dovecot_store(machine)
            more = UPSTREAM.format(imap=machine.port("STORE_IMAP"), smtp=smtp, suffix="@maildir")
        else:
            more = EMBEDDED.format(lmtp=self.port("LMTP"))
        more = RELAY.format(smtp=smtp) + more
        with open(self.config, "a") as config:
            config.write(more)
        self._import(accounts)
        command = [binary, "serve", "--config", self.config]
        self.program = machine.start(self.name, command, self.port("IMAP"), self.folder)

    def port(self, kind):
        return self.machine.port(f"{self.name}-{kind}")

    def _import(self, accounts):
        file = self.folder / "accounts.csv"
        with open(file, "w") as csv:
            csv.write("login,name,addresses,groups,password_hash,ends\n")
            csv.writelines(f"{login},{login},{login}@ours.test,staff,{HASH},\n" for login in accounts)
        command = [self.binary, "account", "--config", self.config, "import", file]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def fill(self, login, count, min_kb=2, max_kb=60):
        """Puts the corpus into somebody's inbox."""
        corpus = ["--corpus", "--n", count, "--pipeline", 20, "--min-kb", min_kb, "--max-kb", max_kb]
        self.machine.measure("imap-append", "--to", f"127.0.0.1:{self.port('IMAP')}", "--user", login, *corpus)

    def log_in(self, pattern, users):
        """Lets so many people log in once, after which their passwords are remembered and hashed as ours are."""
        words = ["--user", pattern, "--users", users, "--n", users, "--warm-up", 0]
        self.machine.measure("imap-login", "--to", f"127.0.0.1:{self.port('IMAP')}", *words)
