# Signing in

user-name = User name
password = Password
log-in = Log in
login-first = Please log in to go on.
login-mailbox = Your mailbox did not take this password. If it was changed a moment ago, log in with the new one; otherwise ask the help desk.
login-refused = User name or password is wrong.
login-throttled = There were too many wrong attempts. Please try again after { $until }.
