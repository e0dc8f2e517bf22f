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

step-why = You are connecting from { $from }. From there, one more proof is needed beyond the password.
step-choose = Choose how to confirm that it is you.
step-app-hint = Enter the six digits that the OTP app on your phone shows.
step-mail-hint = Enter the six digits that we mail to your external address.
step-other-way = Use another way
step-app-where = Open the OTP app and hold VIEW CODE to see the digits.
step-mail-issue = Press “Issue OTP” to have a one-time password mailed to { $to }.
all-disabled = Your factors are disabled
all-disabled-why = There were too many wrong one-time passwords, so all your registered factors have been disabled.
all-disabled-what-to-do = Sign in from a trusted network, such as on site, and enable them again, or contact the help desk.

proof-wrong = The one-time password is wrong.
proof-wrong-app = The one-time password is wrong. If this keeps happening, turn on automatic date and time in your device's settings.
proof-wrong-recovery = The recovery code is wrong, or was used already.
proof-tries-left = {" "}{ $tries ->
    [one] After one more wrong code
   *[other] After { $tries } more wrong codes
} you will be asked for your password again.
proof-used = This one-time password has been used. Enter the next one, which comes in { $seconds } s.
proof-clock-behind = Your device's clock is about { $minutes } min slow. Turn on automatic date and time in its settings, then try again.
proof-clock-ahead = Your device's clock is about { $minutes } min fast. Turn on automatic date and time in its settings, then try again.
proof-out-of-date = This page is out of date: something was changed in another tab or elsewhere. Please reload it.
proof-password-again = There were too many wrong one-time passwords. Please log in with your password again.
proof-kind-disabled = This factor was disabled after too many wrong attempts. Use another way, or contact the help desk.
proof-wait = There were too many wrong attempts. Please try again after { $until }.
proof-not-offered = This way is not registered. Please choose another.
proof-code-expired = There is no valid one-time password any more. Press “Issue OTP” to get a new one.
proof-too-many-letters = Another one can be mailed after { $until }. Those already mailed stay valid until they expire.
proof-no-relay = This site is not set up to send mail to other sites. Please contact the help desk.
proof-mail-temporarily = Mail can't be sent just now. Please try again in a while.
proof-source-obscured = The address you are connecting from can't be determined, so this is not possible here. Please tell the help desk that a proxy is not configured.

otp-length = A one-time password has six digits; { $found } characters were entered.
otp-character = A one-time password has digits only; “{ $found }” can’t be in it.
otp-is-a-code = This looks like an app code or user code. Enter the six digits that VIEW CODE in the OTP app shows.
authenticator = Another authenticator app
authenticator-other = Use another authenticator app
authenticator-about = Any app that shows one-time passwords by the common standard (TOTP) works.
authenticator-begin = Show the QR code
authenticator-how = Scan this with your authenticator app, or type the key there. Then enter the six digits that it shows.
authenticator-qr-label = QR code with the key for an authenticator app
authenticator-key = Key
authenticator-open = Open in an app on this device
key-until = The key can be registered until

recovery-code = Recovery code
recovery-code-hint = Ten characters from the list you printed. Each code works once.
recovery-code-length = A recovery code has ten characters; { $found } were entered.
recovery-code-instead = Use a recovery code
step-recovery-hint = Enter one of the codes you printed or wrote down.
step-use = Use “{ $what }”
step-nothing-at-hand = I don't have any of these with me

app-code = App code
user-code = User code
app-code-hint = The 15 characters the OTP app shows. Lower case, spaces and missing hyphens don't matter.
app-code-taken = App code entered:
user-code-until = The user code is valid until
user-code-once-more = Show the user code again
user-code-qr = Is the OTP app on a phone? Point its camera here, and the app opens with the user code filled in.
user-code-qr-label = QR code that opens the OTP app with the user code
user-code-new = Make a new user code
code-right = The app code is correct.
code-left = { $left } more characters.
copy = Copy
copied = Copied
open-in-app = Open in the OTP app
open-app = Open the OTP app
code-length = A code has 15 characters; { $found } were entered.
code-character = Character { $at }, “{ $found }”, is never part of a code.
code-check = There is a typing error in the code: one character is wrong, or two are swapped. Please compare it with the screen.
code-as-typed = The code as you typed it
code-same = This is the user code. Please enter the app code, which the OTP app shows.

address = Email address
address-hint = An address outside this site that you can read from anywhere.
address-no-at = An address has the form name@domain.
address-local = The part before the @ is not valid.
address-domain = The part after the @ is not valid.
address-own-domain = Addresses of this site can't be used. Please enter an external one, such as a private address.

letter-sent = Mailed to { $to }.
letter-from = Its subject is “OTP notification (OTP発行のお知らせ)”, and it comes from your own address.
letter-until = Valid until
letter-failed = It could not be delivered to { $to }. The other server said: { $why }
letter-expired = It could not be delivered in time. Press “Issue OTP” to get a new one.
letter-delayed = The other server is slow to accept it. Please wait a little.
letter-again-at = The next one can be mailed after { $until }.
letter-not-there = It hasn't arrived?
letter-not-there-hint = Please look in the junk folder too. If you have another one mailed, the first stays valid.

wizard = Register a factor
wizard-why = Multi-factor authentication is in use for this account. To log in from here, register a factor first.
wizard-app-choice = An app on your phone or computer. It works without a network.
wizard-mail-choice = One-time passwords are mailed to a private address of yours.
wizard-app-code = Enter the app code
wizard-app-code-hint = In the OTP app press “Add”, and enter the app code it shows.
wizard-by-link = Skip typing the user code (link or QR code)
wizard-by-link-hint = The app opens with the user code filled in. Enter the app code it shows on this page, press “Register” in the app, then come back here.
wizard-user-code = Enter the user code in the app
wizard-user-code-hint = Enter this user code in the OTP app and press “Register” there. You can switch to the app and back: this page keeps its place.
wizard-otp = Enter the one-time password
wizard-address-hint = We will mail a one-time password to this address to check it.
registered-title = Registered
registered-what = The factor is registered. Mail programs at this address work now, too.
enrolment-code = Enrolment code
enrolment-code-hint = The one-time code that the help desk gave you.
enrolment-code-needed = Please enter the enrolment code that the help desk gave you.
enrolment-code-expired = This enrolment code has expired. Please ask the help desk for a new one.
enrolment-code-wrong = The enrolment code is wrong.
register-forbidden = A factor can't be registered from here.
register-forbidden-what-to-do = Sign in from a trusted network, such as on site, and register there, or contact the help desk.
register-nothing-waits = The codes have expired. Please start again.
register-mail-off = This site does not use external email for authentication.
register-too-many = No more than { $most } OTP apps can be registered. Please remove one you don't use.
wrong-password = The password is wrong.
