# Signing in

user-name = User name
password = Password
log-in = Log in
login-first = Please log in to continue.
login-mailbox = Your mailbox did not accept this password. If you changed it a moment ago, log in with the new one; otherwise ask the help desk.
login-refused = User name or password is wrong.
login-throttled = There were too many wrong attempts. Please try again after { $until }.
