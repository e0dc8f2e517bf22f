# Words that are on every page

skip-to-content = Skip to content
main-navigation = Main pages
inbox = Inbox
preferences = Preferences
log-out = Log out
home = HOME
ok = OK
cancel = Cancel
change = Change
register = Register
next = Next
help = Help
help-contents = In this guide
back = Back
renew = Renew
grant-ends-soon = What you proved at this address holds only until { $at }. After that mail programs are refused until you prove it again.
password-wanted = You reported something that wasn't you. Please set a new password.
print = Print

time-left-hours = { $hours } h { $minutes } min
time-left-minutes = { $minutes } min
time-left-minutes-seconds = { $minutes } min { $seconds } s
time-left-seconds = { $seconds } s

error-not-found = There is no such page
error-not-found-what-to-do = Check the address. What was here may have been moved or deleted.
error-bad-request = What was sent can't be understood
error-bad-request-what-to-do = Go back to the page before, and try again.
error-too-old = The page was too old
error-too-old-what-to-do = Nothing is lost: go back with your browser, reload the page and send it once more.
error-too-large = That is more than can be sent at once
error-too-large-what-to-do = Attach less, or make it smaller, and try again.
error-unavailable = Not available just now
error-unavailable-what-to-do = The trouble is on our side and temporary; your password and codes are not at fault. Please try again in a while.
error-broken = Something went wrong here
error-broken-what-to-do = This is a fault of ours. What you asked for may have been done in part: please look before you do it again, and tell the help desk.

