# Doorward in English: complete; every other language falls back to this file.

# The language's name in itself; stands in the choice of languages.
language-name = English
language-choice = Language

# A length of time, as it stands in other texts as $time. Only here a number may stand beside a unit.
time-seconds =
    { $count ->
        [one] 1 second
       *[other] { $count } seconds
    }
time-minutes =
    { $count ->
        [one] 1 minute
       *[other] { $count } minutes
    }
time-hours =
    { $count ->
        [one] 1 hour
       *[other] { $count } hours
    }
time-days =
    { $count ->
        [one] 1 day
       *[other] { $count } days
    }

# On every page.
title-error = Error:
trial = Trial: not protected for production use
support = Need help?
trace = Trace id
trace-why = Give it when you ask for help.

# Buttons and links to the next step.
next-start-again = Sign in again
next-go-on = Go on
next-retry = Try again
next-home = To the start page
next-sign-out = Sign out

# The login page. $application is the application's name.
login-title = Sign in to { $application }
login-username = User name
# Examples of names, then the hints with one, two or three of them. Only forms that the directories accept are shown.
login-name-plain = alice
login-name-domain = DOMAIN\alice
login-name-at = alice@example.com
login-username-hint = For example: { $first }
login-username-hint-two = For example: { $first } or { $second }
login-username-hint-three = For example: { $first }, { $second } or { $third }
login-password = Password
# On the sign-in page and the page of a new password; only where there is JavaScript.
password-show = Show password
password-hide = Hide password
login-submit = Sign in
login-refused = We could not sign you in.
login-refused-next = Check your user name and password. After several wrong attempts, wait at least { $time }.
login-expired = This page was open for too long.
login-expired-next = Nothing is wrong. Just sign in again.
login-no-cookies = Your browser did not send back our cookie.
login-no-cookies-next = Allow cookies for this site in your browser’s settings, or leave private mode. Then sign in again.
login-start-again = This sign-in is over.
login-start-again-next = Sign in again to get a new code.
login-signed-out = You are signed out.
login-signed-out-next = Sign in again whenever you like.

# In place of an answer where the session has ended. $application is the application's name.
ended-title = You are signed out
ended-not-sent = What you just sent was not passed on to { $application }. This tab still holds it.
ended-cut-short = Your session ended while you were sending. { $application } may have received part of it. This tab still holds all of it.
ended-sign-in-beside = Sign in in a new tab
ended-send-again = Then come back to this tab and reload it. When your browser asks, let it send the form again.
ended-go-back = You can also go back once you are signed in: most browsers still show what you entered.
ended-framed = Sign in again to go on.

# The page that hands the form of another site over. $site is the other site's name.
cross-site-title = Continue to { $application }
cross-site-from = { $site } sent a form along with you.
cross-site-from-another = Another site sent a form along with you.

# The passcode page. $to is masked: a•••@example.com, or the last digits of a number.
passcode-title = Enter your code
passcode-as = Signing in to { $application } as { $name }
passcode-at = Signing in to { $application }
passcode-not-you = Not you?
passcode-label = login { $label }
passcode-label-why = The message must show { $label }.
passcode-sending-sms = We are sending a text message to your number ending in { $to }.
passcode-sending-mail = We are sending an e-mail to { $to }.
passcode-sending-voice = We are calling your number ending in { $to }. Take the call and press any key to hear the code.
passcode-sending-push = We are sending a message to the app on your phone.
passcode-sent-sms = We sent a text message to your number ending in { $to }.
passcode-sent-mail = We sent an e-mail to { $to }.
passcode-sent-voice = We are calling your number ending in { $to }. Take the call and press any key to hear the code.
passcode-sent-push = We sent a message to the app on your phone.
passcode-awaited = We do not know yet whether it has arrived.
passcode-delivered-sms = Your phone ending in { $to } has received the text message.
passcode-delivered-mail = The e-mail to { $to } has arrived.
passcode-delivered-voice = We called your number ending in { $to } and read the code out.
passcode-delivered-push = The app on your phone has received the message.
passcode-undelivered-sms = The text message to your number ending in { $to } did not arrive.
passcode-undelivered-mail = The e-mail to { $to } did not arrive.
passcode-undelivered-voice = No one took our call to your number ending in { $to }.
passcode-undelivered-push = The message to the app on your phone did not arrive.
passcode-unconfirmed-sms = The text message to your number ending in { $to } takes too long.
passcode-unconfirmed-mail = The e-mail to { $to } takes too long.
passcode-unconfirmed-voice = The call to your number ending in { $to } takes too long.
passcode-unconfirmed-push = The message to the app on your phone takes too long.
passcode-not-sent-sms = The text message to your number ending in { $to } did not get through.
passcode-not-sent-mail = The e-mail to { $to } did not get through.
passcode-not-sent-voice = The call to your number ending in { $to } did not get through.
passcode-not-sent-push = The message to the app on your phone did not get through.
passcode-unsure-sms = We may have sent a text message to your number ending in { $to }, but we are not sure.
passcode-unsure-mail = We may have sent an e-mail to { $to }, but we are not sure.
passcode-unsure-voice = We may have called your number ending in { $to }, but we are not sure.
passcode-unsure-push = We may have sent a message to the app on your phone, but we are not sure.
passcode-unsure-next = If it comes, enter the code. If not, get a new one below.
passcode-twice = It may arrive twice, with the same code.
passcode-again-sms = The text message to your number ending in { $to } did not get through yet.
passcode-again-mail = The e-mail to { $to } did not get through yet.
passcode-again-voice = The call to your number ending in { $to } did not get through yet.
passcode-again-push = The message to the app on your phone did not get through yet.
passcode-again-next = We keep trying, so leave this page open.
passcode-again-unsure = We try once more to be safe. It may arrive twice, with the same code.
passcode-failed-title = We could not send your code
passcode-failed = None of our messages got through. Try again, or sign in again in a few minutes.
passcode-field = Code
passcode-life = The code works for { $time }.
passcode-letters = Type capital or small letters, both work.
passcode-submit = Sign in
passcode-wrong = That code is not right.
passcode-wrong-next =
    { $left ->
        [one] You have 1 try left.
       *[other] You have { $left } tries left.
    }
passcode-earlier = That code is from an older message.
passcode-earlier-next = Use the newest one. This did not cost you a try.
passcode-expired-title = Your code has expired
passcode-expired = This code has expired.
passcode-expired-next = This did not cost you a try.
passcode-expired-free = The code that you entered is too old. This did not cost you a try.
passcode-expired-sms = We can send a new one to your number ending in { $to }.
passcode-expired-mail = We can send a new one to { $to }.
passcode-expired-voice = We can call your number ending in { $to } again.
passcode-expired-push = We can send a new one to the app on your phone.
passcode-not-yet = It is too early for a new code.
passcode-not-yet-next = The last message may still arrive. Wait a moment, then ask again.
passcode-no-more = We cannot send more codes for now.
passcode-no-more-next = We sent many in a short time. The last code still works: enter it, or ask for help.
passcode-no-more-over = We sent many in a short time. Sign in again later, or ask for help.
passcode-too-many = Too many attempts came from your network.
passcode-too-many-next = Wait { $time }, then enter the code again. This did not cost you a try.
passcode-resend = Send a new code
passcode-resend-sms = By text message again
passcode-resend-mail = By e-mail again
passcode-resend-voice = By phone call again
passcode-resend-push = To the app again
passcode-possible-in = Possible in { $time }
passcode-other-sms = Send a text message
passcode-other-sms-to = To your number ending in { $to }
passcode-other-mail = E-mail the code
passcode-other-mail-to = To { $to }
passcode-other-voice = Call me
passcode-other-voice-to = On your number ending in { $to }
passcode-other-push = Send it to the app
passcode-other-push-to = On your phone
passcode-resend-used = You have asked for all the codes that one sign-in allows. Sign in again to get more.
passcode-help = Did not get it?
passcode-other-ways = Use another way
passcode-help-sms = A text message can take a while. Check that your phone has a signal.
passcode-help-mail = An e-mail can take a while. Look in your spam folder, too.
passcode-help-voice = Check that your phone has a signal and is not on silent. Take the call and press any key to hear the code.
passcode-help-push = Check that your phone is online and that the app may show notifications.
passcode-check = Check again

# The page for a new password.
password-title = Choose a new password
password-title-expiring = Your password expires soon
password-must-change = Choose a new password before you go on.
password-expired = Your password has expired. Choose a new one to go on.
password-expiring = It expires in { $time }. You can change it now.
password-new = New password
password-new-hint = Several words in a row are easy to remember and hard to guess.
password-again = New password once more
password-submit = Change password
password-cancel = Start again
password-later = Later
password-later-why = We will not ask again for { $time }.
password-too-short = This password is too short.
password-too-short-next = Choose a longer one.
password-used-before = You have used this password before.
password-used-before-next = Choose one that you have never used here.
password-too-young = Your password was changed only a short time ago.
password-too-young-next = It cannot be changed again yet. Try again later, or ask your help desk.
password-not-complex = This password is too simple.
password-not-complex-next = Use capital and small letters, digits and other characters, and not your name.
password-policy = This password does not follow the rules.
password-policy-next = Make it longer and use several kinds of characters. Leave out your name and your last passwords. Your help desk knows the rules.
password-different = The two passwords are not the same.
password-different-next = Type the new password twice in the same way.
password-unfit = This cannot be used as a password.
password-unfit-next = Enter 1 to 1,024 characters; letters beyond A to Z count twice or more.
password-no-answer = We do not know whether your password was changed.
password-no-answer-next = The user directory did not answer. Wait a moment, then enter the new password once more.
password-unable = Your password cannot be changed here.
password-unable-next = Your help desk can change it. Until it expires, you can go on with “Later”.
password-busy = Your password is being changed.
password-busy-next = Wait a moment, then check again.
password-too-many = Too many attempts.
password-too-many-next = Wait at least { $time }, then sign in again. Your password was not changed.

# Signing out.
logout-title = Sign out?
logout-text = You will be signed out here and in everything that this sign-in opened.
logout-submit = Sign out
logout-stay = Stay signed in
signed-out-title = You are signed out
signed-out-text = Your session has ended.
signed-out-next = On a shared computer, close all windows of the browser, too.

# Notices: what is so, what happened, what to do next.
notice-flow-ended-title = We stopped this sign-in
notice-flow-ended-text = The code was wrong too often.
notice-flow-ended-next = Sign in again to get a new code.
notice-flow-expired-title = This sign-in has expired
notice-flow-expired-text = You did not enter the code in time.
notice-flow-expired-next = Sign in again to get a new code.
notice-flow-used-title = You are already signed in
notice-flow-used-text = This code was already used to sign in.
notice-flow-used-next = There is nothing more to enter. If the sign-in page comes again, sign in once more.
notice-flow-gone-title = This sign-in is over
notice-flow-gone-text = It was finished or stopped, or it began in another browser.
notice-flow-gone-next = Sign in again.
notice-no-channel-title = We cannot send you a code
notice-no-channel-text = Your password is right, but we have no phone number or mail address for you.
notice-no-channel-next = Ask your help desk to enter one for you, then sign in again.
notice-not-for-this-site-title = No access with this account
notice-not-for-this-site-text = Your password is right, but your account may not use this site.
notice-not-for-this-site-next = If you need access, ask your help desk. You can also sign in with another account.
notice-not-from-here-title = No access from here
notice-not-from-here-text = Your password is right, but your account may not use this site from where you are.
notice-not-from-here-next = Sign in again from a network that you usually work in. If you need access from here, ask your help desk.
notice-password-set-title = Your new password is set
notice-password-set-text = After that something went wrong, so you are not signed in yet.
notice-password-set-next = Sign in with your new password.
notice-password-stale-title = Your password was changed meanwhile
notice-password-stale-text = The password that you signed in with no longer works.
notice-password-stale-next = Sign in with your new password. If you did not change it, tell your help desk.
notice-change-ended-title = This password change is over
notice-change-ended-text = It took too many tries, or the password was changed meanwhile.
notice-change-ended-next = Sign in again to go on.
notice-factor-paused-title = Codes are paused for your account
notice-factor-paused-text = Someone entered too many wrong codes for your account.
notice-factor-paused-next = Wait { $time }, then sign in again. If it was not you, tell your help desk.
notice-help-desk-title = Call your help desk
notice-help-desk-text = Your account cannot sign in at the moment.
notice-help-desk-next = Your help desk can put this right. After that, sign in again.
notice-messages-paused-title = No more codes for now
notice-messages-paused-text = We sent many codes in a short time, so we paused sending.
notice-messages-paused-next = Wait { $time }, then sign in again. If it is urgent, ask for help.
notice-not-sent-title = We could not send the code
notice-not-sent-text = None of the ways to reach you worked. This is our fault, not yours.
notice-not-sent-next = Wait a few minutes, then sign in again.
notice-directory-down-title = We cannot check passwords right now
notice-directory-down-text = The user directory is not answering. We did not count your sign-in.
notice-directory-down-next = Wait a few minutes, then sign in again.
notice-cookies-needed-title = Allow cookies to sign in
notice-cookies-needed-text = Your browser did not send our cookie back. Signing in needs it.
notice-cookies-needed-next = Allow cookies for this site in your browser’s settings, or leave private mode. Then sign in again.
notice-foreign-title = This request came from another site
notice-foreign-text = To protect you, we did not carry it out.
notice-foreign-next = If you wanted to do it, start again here.
notice-cross-site-title = This form came from another site
notice-cross-site-text = To protect you, we did not pass it on. Nothing was changed.
notice-cross-site-next = If you were signing in or paying at the other site, tell your help desk: this site has to be set up for it. Otherwise begin at the start page.
notice-session-over-title = You are signed out
notice-session-over-text = Your session ended before the application answered.
notice-session-over-next = Sign in again to come back to this page.
# Shown above the heading where the request came with a session. $application is the application's name, $name the account's.
notice-signed-in-as = Signed in as { $name }
notice-forbidden-title = No access to this page of { $application }
notice-forbidden-text = { $application } does not open this page for you.
notice-forbidden-text-signed-in = You are signed in, but your account may not open this page of { $application }.
notice-forbidden-next = If you need it, ask your help desk. You can also sign out and use another account.
notice-too-many-title = Too many attempts
notice-too-many-text = More attempts came from your network than we allow at a time.
notice-too-many-next = Wait { $time }, then try again.
notice-upstream-down-title = { $application } is not answering
notice-upstream-down-text = You are in the right place. The fault is in { $application } itself.
notice-upstream-down-text-signed-in = You are signed in and your account is fine. The fault is in { $application } itself.
notice-upstream-down-next = Wait a few minutes, then try again. If you were saving something, check that it was saved.
notice-upstream-slow-title = { $application } takes too long
notice-upstream-slow-text = You are in the right place. { $application } did not answer in time, so we stopped waiting.
notice-upstream-slow-text-signed-in = You are signed in and your account is fine. { $application } did not answer in time, so we stopped waiting.
notice-upstream-slow-next = Try again. If you were saving something, see first whether it was saved.
notice-bad-request-title = We did not understand this request
notice-bad-request-text = Something in the address or in the request is wrong.
notice-bad-request-next = Begin at the start page. If you followed a link, it may be wrong.
notice-not-found-title = There is no such page
notice-not-found-text = The address may be mistyped or out of date.
notice-not-found-next = Begin at the start page.
notice-not-allowed-title = This does not work here
notice-not-allowed-text = This page cannot be used in this way.
notice-not-allowed-next = Begin at the start page.
notice-unknown-host-title = There is no site at this address
notice-unknown-host-text = We do not know the name that your browser asked for.
notice-unknown-host-next = Check the name in the address bar, then try again.
notice-too-large-title = This is too large
notice-too-large-text = What you sent is larger than we accept.
notice-too-large-next = Try it with a smaller file.
notice-head-too-large-title = Your browser keeps too many cookies for this site
notice-head-too-large-text = It sends them with every request. Together they are larger than we accept.
notice-head-too-large-next = Delete the cookies of this site in your browser's settings, then try again.
notice-busy-title = Very busy at the moment
notice-busy-text = We have more requests than we can handle, so we did not start yours.
notice-busy-next = Wait a moment, then try again.
notice-internal-title = Something went wrong
notice-internal-text = The fault is ours, not yours. We have recorded it.
notice-internal-next = Try again. If it happens again, ask for help.

# Messages. message-sms is one text message together with the line that the dispatcher adds (see its test): GSM 7-bit letters only.
# In message-sms $code is as it is entered; in message-mail-text it is grouped for reading, like 482 913.
message-sms = { $code } is your code for { $application }, login { $label }, good for { $time }. Tell nobody.
# Said by a voice: the greeting before a key press, the text after it, twice. There $code is read letter by letter, like 4, 8, 2.
message-voice-greeting = Hello. Here is the sign-in service with a code for { $application }. To hear it, press any key.
message-voice-text = Your code is: { $code }. I repeat: { $code }. Tell it to nobody.
message-mail-subject = Your code for { $application } (login { $label })
message-mail-text =
    Your code for { $application }:

    { $code }

    It belongs to login { $label } and is good for { $time }. Enter it only on the page that shows login { $label }, and tell it to nobody; we never ask for it.

    Did you not sign in just now? Then somebody else knows your password: change it and tell your help desk.

# Messages that are no passcode.
message-test-subject = A test of the sign-in service
message-test-text = This is a test of the sign-in service for { $name }. There is nothing to do.
message-welcome-subject = You can now sign in at { $application }
message-welcome-text = Hello { $name }, you can now sign in at { $application } with your user name, your password and a code that is sent here.
message-new-place-subject = Signed in from a new browser
message-new-place-text = { $name } signed in to { $application } at { $at } UTC in a browser that was not used before. If that was not you, change your password and call the help desk.
message-paused-subject = Wrong codes were entered for your account
message-paused-text = Too many wrong codes were entered for { $name }. Codes are refused for up to { $time }. If that was not you, somebody knows your password: change it and call the help desk.
