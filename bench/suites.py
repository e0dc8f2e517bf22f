"""What is measured. Each suite gives cases in which `ours` stands beside others."""

import http.client
import re
import urllib.parse

import peers
from ours import PASSWORD, Sekisho
from table import CPU, MEDIAN, MEGABYTES, OURS, RATE, Case, Metric


class Bench:
    """The machine, the binaries by label (`ours`, and `before` where two are compared), and how much work is done."""

    def __init__(self, machine, binaries, with_peers, share):
        self.machine, self.binaries, self.with_peers, self.share = machine, binaries, with_peers, share

    def some(self, count):
        """So many, or a share of it in a short run."""
        return max(1, round(count * self.share))

    def each(self, accounts, upstream=None):
        """One installation for each binary."""
        return {label: Sekisho(self.machine, binary, label, accounts, upstream)
                for label, binary in self.binaries.items()}

    def at(self, port, program, *words, restarted=False):
        """A measurement of a server at a port."""
        programs = program if isinstance(program, list) else [program]
        command, *options = words

        def measure():
            if restarted:
                for each in programs:
                    each.restart()
            watched = ",".join(str(each.pid) for each in programs)
            return self.machine.measure(
                command, "--to", f"127.0.0.1:{port}", "--pid", f"server={watched}", *options)

        return measure


def gateway(bench):
    """Logins through a gateway, before an upstream that costs nothing."""
    machine = bench.machine
    ours = bench.each([f"f{number}" for number in range(1, 101)], "fake")
    programs = {}
    if bench.with_peers:
        programs = {"nginx": peers.nginx_mail(machine), "Dovecot": peers.dovecot_proxy(machine)}
    names = {"nginx": ("NGINX_IMAP", "NGINX_IMAPS"), "Dovecot": ("PROXY_IMAP", "PROXY_IMAPS")}

    def contenders(tls, *words, restarted=False):
        secure = ["--tls"] if tls else []
        found = {label: bench.at(each.port("IMAPS" if tls else "IMAP"), each.program, *words, *secure, restarted=restarted)
                 for label, each in ours.items()}
        for label, program in programs.items():
            found[label] = bench.at(machine.port(names[label][tls]), program, *words, *secure, restarted=restarted)
        if bench.with_peers:
            port = machine.port("COPIER_TLS" if tls else "COPIER")
            found["copier"] = bench.at(port, peers.copier(machine, tls), *words, *secure,
                                        restarted=restarted)
        return found

    users = ["--user", "f%d", "--users", 100]
    login = ["imap-login", *users, "--n", bench.some(4000), "--c", 50, "--warm-up", 200]
    yield Case("TLS logins, 50 at once", [RATE, CPU], contenders(True, *login))
    yield Case("plain logins, 50 at once", [RATE, CPU], contenders(False, *login))
    fetch = ["imap-read", "--user", "f%d", "--command", "FETCH 1:* (BODY.PEEK[])",
             "--at-least", bench.some(1_200_000_000)]
    yield Case("FETCH over TLS", [MEGABYTES], contenders(True, *fetch))
    yield Case("FETCH, plain", [MEGABYTES], contenders(False, *fetch))
    idle = ["imap-idle", *users, "--n", bench.some(1000), "--c", 50, "--sources", 10]
    memory = Metric("kib_each_server", "KiB", False)
    # Memory that an earlier run freed would flatter a later one.
    yield Case("idle TLS connections", [memory], contenders(True, *idle, restarted=True))


def store(bench):
    """The store beside Dovecot's, on 10,000 messages."""
    machine, count = bench.machine, bench.some(10_000)
    ours = bench.each(["corp", *(f"u{number}" for number in range(1, 21))])
    kinds = ["sdbox", "mdbox"] if bench.with_peers else []
    for each in ours.values():
        each.fill("corp", count)
        each.log_in("u%d", 20)
    for kind in kinds:
        peers.dovecot_corpus(machine, kind, count)

    def contenders(*words):
        found = {label: bench.at(each.port("IMAP"), each.program, *fill(words, ""))
                 for label, each in ours.items()}
        for kind in kinds:
            program, port = peers.dovecot_store(machine), machine.port("STORE_IMAP")
            found[f"Dovecot {kind}"] = bench.at(port, program, *fill(words, f"@{kind}"))
        return found

    def fill(words, domain):
        return [str(word).replace("@", domain, 1) if str(word).endswith("@") else word for word in words]

    yield Case("APPEND of 10 KB", [RATE, CPU],
               contenders("imap-append", "--user", "u1@", "--n", bench.some(2000)))
    yield Case("APPEND, 8 at once", [RATE, CPU],
               contenders("imap-append", "--user", "u%d@", "--users", 8, "--c", 8, "--n", bench.some(4000)))
    yield Case("SELECT of 10,000", [MEDIAN],
               contenders("imap-select", "--user", "corp@", "--n", bench.some(40)))
    everything = "FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE UID INTERNALDATE RFC822.SIZE)"
    yield Case("envelopes of 10,000", [MEDIAN],
               contenders("imap-read", "--user", "corp@", "--command", everything, "--n", bench.some(5)))
    yield Case("bodies of 10,000", [MEGABYTES],
               contenders("imap-read", "--user", "corp@", "--command", "FETCH 1:* (BODY.PEEK[])", "--n", bench.some(3)))
    for name, search in (("a rare word", "SEARCH TEXT zyzzyva"),
                         ("a Japanese word", "SEARCH CHARSET UTF-8 TEXT 請求書"),
                         ("a subject", "SEARCH CHARSET UTF-8 SUBJECT 請求書")):
        yield Case(f"search of 10,000: {name}", [MEDIAN],
                   contenders("imap-read", "--user", "corp@", "--command", search, "--n", bench.some(5)))
    for at_once in (1, 8):
        words = ["--c", at_once, "--n", bench.some(2000)]
        delivered = {label: bench.at(each.port("LMTP"), each.program, "lmtp", "--recipient", "u%d@ours.test", *words)
                     for label, each in ours.items()}
        for kind in kinds:
            delivered[f"Dovecot {kind}"] = bench.at(machine.port("STORE_LMTP"), peers.dovecot_store(machine), "lmtp",
                                                    "--recipient", f"l%d@{kind}", *words)
        yield Case(f"LMTP of 10 KB, {at_once} at once", [RATE], delivered)


def webmail(bench):
    """Pages of the webmail, embedded and before Dovecot, beside Roundcube, on 10,000 messages."""
    machine, count = bench.machine, bench.some(10_000)
    embedded = bench.each(["corp"])
    for each in embedded.values():
        each.fill("corp", count)
    installations = {(label, ""): each for label, each in embedded.items()}
    roundcube = []
    if bench.with_peers:
        peers.dovecot_corpus(machine, "maildir", count)
        before_dovecot = bench.each(["corp"], "dovecot")
        installations |= {(label, " before Dovecot"): each for label, each in before_dovecot.items()}
        roundcube = peers.roundcube(machine)
        roundcube_headers = sign_in_to_roundcube(machine.port("ROUNDCUBE"))
    headers = {key: sign_in(each, "corp") for key, each in installations.items()}
    where = sorted({place for _, place in installations})
    subject = urllib.parse.quote("請求書")
    search = "/?_task=mail&_action=search&_scope=base&_mbox=INBOX&_remote=1"
    uid = max(1, count - 10)
    pages = [
        ("inbox page", "/mail/folder/INBOX", "/?_task=mail&_action=list&_mbox=INBOX&_remote=1", 25),
        ("a message", f"/mail/folder/INBOX/message/{uid}", f"/?_task=mail&_action=show&_uid={uid}&_mbox=INBOX", 25),
        ("search for a subject", f"/mail/folder/INBOX?q={subject}", f"{search}&_headers=subject&_q={subject}", 10),
        ("search for a rare word", "/mail/folder/INBOX?q=zyzzyva", f"{search}&_headers=text&_q=zyzzyva", 3),
    ]
    for place in where:
        for name, path, their_path, times in pages:
            for at_once in (1, 4) if name == "inbox page" else (1,):
                words = ["http", "--c", at_once, "--n", bench.some(times * at_once)]
                contenders = {}
                for (label, its_place), each in installations.items():
                    if its_place == place:
                        contenders[label] = bench.at(each.port("WEB"), each.program, *words, "--url", path,
                                                     "--expect", "corp", *headers[label, its_place])
                if roundcube:
                    expected = "messagebody" if name == "a message" else "add_message_row"
                    contenders["Roundcube"] = bench.at(machine.port("ROUNDCUBE"), roundcube, *words, "--url",
                                                       their_path, "--expect", expected, *roundcube_headers)
                yield Case(f"{name}, {at_once} at once{place}", [MEDIAN if at_once == 1 else RATE], contenders)


def sign_in(installation, login):
    """Signs in to our webmail; gives the options with the session."""
    jar, origin = {}, f"http://127.0.0.1:{installation.port('WEB')}"
    page = request(origin, jar, "GET", "/login")
    token = re.search(r'name="csrf" value="([^"]+)"', page).group(1)
    form = urllib.parse.urlencode({"csrf": token, "user": login, "password": PASSWORD})
    request(origin, jar, "POST", "/login", form)
    return ["--header", "Cookie: " + "; ".join(f"{name}={value}" for name, value in jar.items())]


def sign_in_to_roundcube(port):
    jar, origin = {}, f"http://127.0.0.1:{port}"
    page = request(origin, jar, "GET", "/")
    form = {"_token": re.search(r'name="_token" value="([^"]+)"', page).group(1), "_task": "login",
            "_action": "login", "_timezone": "UTC", "_url": "", "_user": "corp@maildir", "_pass": PASSWORD}
    request(origin, jar, "POST", "/?_task=login", urllib.parse.urlencode(form))
    page = request(origin, jar, "GET", "/?_task=mail")
    token = re.search(r'"request_token":"([^"]+)"', page).group(1)
    cookie = "; ".join(f"{name}={value}" for name, value in jar.items())
    return ["--header", f"Cookie: {cookie}", "--header", f"X-Roundcube-Request: {token}",
            "--header", "X-Requested-With: XMLHttpRequest"]


def request(origin, jar, method, path, form=None):
    """One request with the cookies of the jar, which takes up those that come."""
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items()), "Origin": origin,
               "Sec-Fetch-Site": "same-origin"}
    if form:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(origin).netloc)
    connection.request(method, path, form, headers)
    response = connection.getresponse()
    page = response.read().decode("utf-8", "replace")
    if response.status not in (200, 302, 303):
        raise SystemExit(f"{method} {origin}{path}: {response.status} {page[:500]}")
    for cookie in response.headers.get_all("Set-Cookie") or []:
        name, _, value = cookie.split(";")[0].partition("=")
        if value in ("", "-del-"):
            jar.pop(name, None)
        else:
            jar[name] = value
    return page


def growth(bench):
    """Whether what one costs depends on how many there are: the larger one stands beside the smaller."""
    machine = bench.machine
    names = [f"f{number}" for number in range(1, bench.some(10_000) + 1)]
    gateways = bench.each(names, "fake")

    def logins(each, users):
        port, program = each.port("IMAP"), each.program
        words = ["--user", "f%d", "--users", users, "--c", 8, "--n", bench.some(4000), "--warm-up", 2 * users]
        return bench.at(port, program, "imap-login", *words)

    few, many = 60, min(400, len(names))
    cases = [("CPU a login", gateways, lambda each: (logins(each, few), logins(each, many)),
              f"{few} accounts in turn", f"{many} accounts in turn", CPU)]
    stores = bench.each(["small", "big"])
    for each in stores.values():
        each.fill("small", bench.some(1000), 1, 2)
        each.fill("big", bench.some(100_000), 1, 2)

    def selects(each, login):
        return bench.at(each.port("IMAP"), each.program, "imap-select", "--user", login, "--n", bench.some(40))

    def pages(each, login):
        words = ["http", "--n", bench.some(25), "--c", 1, "--url", "/mail/folder/INBOX", "--expect", login]
        return bench.at(each.port("WEB"), each.program, *words, *sign_in(each, login))

    for name, of in (("SELECT", selects), ("inbox page", pages)):
        cases.append((name, stores, lambda each, of=of: (of(each, "small"), of(each, "big")),
                      "1,000 messages", "100,000 messages", MEDIAN))
    for name, installations, both, small, large, metric in cases:
        measured = {label: both(each) for label, each in installations.items()}
        if len(measured) == 1:
            yield Case(f"{name}, {large}", [metric], {OURS: measured[OURS][1], small: measured[OURS][0]})
        else:
            yield Case(f"{name}, {small}", [metric], {label: pair[0] for label, pair in measured.items()})
            yield Case(f"{name}, {large}", [metric], {label: pair[1] for label, pair in measured.items()})


ALL = {"gateway": gateway, "store": store, "webmail": webmail, "growth": growth}
