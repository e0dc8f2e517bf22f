# Signing in

user-name = User name
password = Password
log-in = Log in
login-first = Please log in to continue.
login-answer-lost = Your code was accepted, but the connection broke off before this browser heard of it. Please log in again.
login-answer-lost-draft-kept = Your code was accepted, but the connection broke off before this browser heard of it. Please log in again: what you were writing is kept.
login-mailbox = Your mailbox did not accept this password. If you changed it a moment ago, log in with the new one; otherwise ask the help desk.
login-refused = User name or password is wrong.
login-throttled = There were too many wrong attempts. Please try again after { $until }.
