# The second factor: proving and registering

mfa = Multi-Factor Auth
recommended = Recommended
otp = One-time password
otp-hint = Six digits.
otp-app = OTP app
otp-app-auth = OTP APP
external-mail-auth = External email
issue-otp = Issue OTP
log-in-by-otp = LOG IN

step-why = From your present address, { $from }, one more proof is needed beyond the password.
step-choose = Choose how to prove that it is you.
step-app-hint = Enter the six digits that the OTP app on your phone shows.
step-mail-hint = Enter the six digits that we mail to your external address.
step-other-way = Use the other way
step-app-where = Open the OTP app and hold VIEW CODE to see the digits.
step-mail-issue = Press “Issue OTP” and we mail a one-time password to { $to }.
all-disabled = Your factors are disabled
all-disabled-why = There were too many wrong one-time passwords, so all your registered factors have been disabled.
all-disabled-what-to-do = Sign in from a trusted network, such as on site, and enable them again, or contact the help desk.

proof-wrong = The one-time password is wrong.
proof-tries-left = {" "}After { $tries } more wrong ones you will be asked for your password again.
proof-used = This one-time password has been used. Enter the next one, which comes in { $seconds } s.
proof-clock-behind = Your device's clock is about { $minutes } min slow. Turn on automatic date and time in its settings, then try again.
proof-clock-ahead = Your device's clock is about { $minutes } min fast. Turn on automatic date and time in its settings, then try again.
proof-password-again = There were too many wrong one-time passwords. Please log in with your password again.
proof-kind-disabled = This factor was disabled after too many wrong attempts. Use another way, or contact the help desk.
proof-wait = There were too many wrong attempts. Please try again after { $until }.
proof-not-offered = This way is not registered. Please choose another.
proof-code-expired = There is no valid one-time password any more. Please have a new one mailed by “Issue OTP”.
proof-too-many-letters = Another one can be mailed after { $until }. The one mailed before stays valid until it ends.
proof-no-relay = This site has no way set up for mail that leaves it. Please contact the help desk.
proof-mail-temporarily = Mail can't be sent just now. Please try again in a while.
proof-source-obscured = Where you come from can't be told, so this is not possible here. Please tell the help desk that a proxy is not configured.

otp-length = A one-time password has six digits; { $found } characters were entered.
otp-character = A one-time password has digits only; “{ $found }” is none.
otp-is-a-code = This looks like an app code or user code. Enter the six digits that VIEW CODE in the OTP app shows.

app-code = App code
user-code = User code
app-code-hint = The 15 characters that the OTP app shows. Lower case, spaces or missing hyphens don't matter.
app-code-taken = App code entered:
user-code-until = The user code is valid until
user-code-once-more = Show the user code once more
copy = Copy
copied = Copied
open-in-app = Open in the OTP app
open-app = Open the OTP app
code-length = A code has 15 characters; { $found } were entered.
code-character = Character { $at }, “{ $found }”, is in no code.
code-check = There is a slip in the code: one character is wrong, or two have changed places. Please compare it with the screen.
code-as-typed = The code as you typed it
code-same = This is the user code. Please enter the app code, which the OTP app shows.

address = Email address
address-hint = One outside this site that you can read from anywhere.
address-no-at = An address has the form name@domain.
address-local = The part before the @ is not valid.
address-domain = The part after the @ is not valid.
address-own-domain = Addresses of this site can't be used. Please enter an external one, such as a private address.

letter-sent = We have mailed it to { $to }.
letter-from = The subject is “OTP notification (OTP発行のお知らせ)”, the sender your own address.
letter-until = Valid until
letter-failed = It could not be delivered to { $to }. The other server said: { $why }
letter-expired = It could not be delivered in time. Please have a new one mailed by “Issue OTP”.
letter-delayed = The other server is slow to take it. Please wait a little.
letter-again-at = The next one can be mailed after { $until }.
letter-not-there = It does not arrive?
letter-not-there-hint = Please look into the junk folder too. If you have another one mailed, the first stays valid.

wizard = Register a factor
wizard-why = Multi-factor authentication is in use for this account. To log in from here, register a factor first.
wizard-app-choice = With an app on your phone or computer. It works without a network.
wizard-mail-choice = One-time passwords come to a private mail address.
wizard-app-code = Enter the app code
wizard-app-code-hint = In the OTP app press “Add”, and enter the app code that it shows.
wizard-user-code = Enter the user code in the app
wizard-user-code-hint = Enter this user code in the OTP app and press “Register” there. You may switch to it and come back: this page waits.
wizard-otp = Enter the one-time password
wizard-address-hint = We will mail a one-time password to the address to check it.
registered-title = Registered
registered-what = The factor is registered. Mail programs at this address work now as well.
enrolment-code = Enrolment code
enrolment-code-hint = The one-time code that the help desk gave you.
enrolment-code-needed = Please enter the enrolment code that the help desk gave you.
enrolment-code-expired = This enrolment code has expired. Please ask the help desk for a new one.
enrolment-code-wrong = The enrolment code is wrong.
register-forbidden = A factor can't be registered from here.
register-forbidden-what-to-do = Sign in from a trusted network, such as on site, and register there, or contact the help desk.
register-nothing-waits = The codes have ended. Please begin again.
register-mail-off = This site does not use external email for authentication.
register-too-many = No more than { $most } OTP apps can be registered. Please remove one that you don't use.
wrong-password = The password is wrong.
