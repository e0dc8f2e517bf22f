"""A morning with Python's imaplib: host, port, user and password are the arguments."""

import email
import imaplib
import sys
import time

host, port, user, password = sys.argv[1:]


def ok(answer):
    status, data = answer
    assert status == "OK", answer
    return data


imap = imaplib.IMAP4(host, int(port))
ok(imap.login(user, password))
able = ok(imap.capability())[0].split()
assert b"IDLE" in able and b"UIDPLUS" in able, able
ok(imap.create('"Courses/&MLww33zd-"'))
names = [line.decode() for line in ok(imap.list())]
assert any("Courses/&MLww33zd-" in name for name in names), names
ok(imap.subscribe('"Courses/&MLww33zd-"'))

sent = "From: hanako@kit.example\r\nSubject: number {}\r\n\r\nHello {}\r\n"
when = imaplib.Time2Internaldate(time.gmtime(1795517008))
for number in range(1, 21):
    message = sent.format(number, number).encode()
    ok(imap.append('"Courses/&MLww33zd-"', "(\\Flagged)" if number % 2 else "()", when, message))
assert ok(imap.select('"Courses/&MLww33zd-"')) == [b"20"]
assert ok(imap.search(None, "FLAGGED")) == [b" ".join(b"%d" % n for n in range(1, 21, 2))]
assert ok(imap.uid("SEARCH", "CHARSET", "UTF-8", "SUBJECT", '"number 7"')) == [b"7"]
data = ok(imap.fetch("7", "(RFC822.SIZE INTERNALDATE BODY.PEEK[])"))
assert b"24-Nov-2026" in data[0][0], data
assert email.message_from_bytes(data[0][1])["Subject"] == "number 7"
assert data[0][1] == sent.format(7, 7).encode()
ok(imap.store("1:10", "+FLAGS.SILENT", "(\\Deleted $Work)"))
assert ok(imap.search(None, "KEYWORD", "$Work")) == [b"1 2 3 4 5 6 7 8 9 10"]
ok(imap.copy("11:12", "Archive"))
assert len(ok(imap.expunge())) == 10
assert ok(imap.sort("(REVERSE SUBJECT)", "UTF-8", "ALL"))[0].split()[0] == b"10"
ok(imap.rename('"Courses/&MLww33zd-"', "Courses/Seminar"))
ok(imap.close())
assert ok(imap.select("Archive", readonly=True)) == [b"2"]
assert imap.store("1", "+FLAGS", "(\\Seen)")[0] == "NO"
ok(imap.unselect())
ok(imap.delete("Courses/Seminar"))
assert imap.select("Courses/Seminar")[0] == "NO"
assert imap.logout()[0] == "BYE"
