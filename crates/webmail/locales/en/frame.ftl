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
grant-ends-soon = The verification of this address ends at { $at }. After that, mail programs are refused until you verify it again.
password-wanted = You reported something that wasn't you. Please set a new password.
print = Print

time-left-hours = { $hours } h { $minutes } min
time-left-minutes = { $minutes } min
time-left-minutes-seconds = { $minutes } min { $seconds } s
time-left-seconds = { $seconds } s

error-not-found = There is no such page
error-not-found-what-to-do = Check the address. What was here may have been moved or deleted.
error-bad-request = What was sent can't be read
error-bad-request-what-to-do = Go back to the previous page and try again.
error-too-old = The page was too old
error-too-old-what-to-do = Nothing is lost: go back with your browser, reload the page and send it once more.
error-too-large = That is more than can be sent at once
error-too-large-what-to-do = Attach less, or make the files smaller, and try again.
error-unavailable = Not available just now
error-unavailable-what-to-do = The problem is on our side and temporary; your password and codes are fine. Please try again in a while.
error-broken = Something went wrong here
error-broken-what-to-do = The fault is ours. What you asked for may have been done in part: please check before you repeat it, and tell the help desk.

