"""A visit with Python's poplib: host, port, user and password are the arguments. Five messages wait."""

import poplib
import sys

host, port, user, password = sys.argv[1:]


def visit():
    pop = poplib.POP3(host, int(port))
    assert "TOP" in pop.capa() and "PIPELINING" in pop.capa(), pop.capa()
    pop.user(user)
    pop.pass_(password)
    return pop


pop = visit()
count, size = pop.stat()
assert count == 5, count
listed = [int(line.split()[1]) for line in pop.list()[1]]
assert sum(listed) == size, (listed, size)
uids = pop.uidl()[1]
assert len(set(line.split()[1] for line in uids)) == 5, uids
top = b"\n".join(pop.top(1, 0)[1])
assert b"Subject: number1" in top and b"dots" not in top, top
lines = pop.retr(3)[1]
assert b".a line of dots" in lines, lines
pop.dele(3)
pop.rset()
pop.dele(2)
pop.quit()

pop = visit()
assert pop.stat()[0] == 4
assert [line.split()[1] for line in pop.uidl()[1]] == [line.split()[1] for line in uids if line[:2] != b"2 "]
# Without QUIT nothing goes, and whoever was cut off comes back at once.
pop.dele(1)
pop.close()
pop = visit()
assert pop.stat()[0] == 4
pop.quit()
