# Doorward auf Deutsch.

# Der Name der Sprache in ihr selbst; steht in der Sprachauswahl.
language-name = Deutsch
language-choice = Sprache

# Eine Dauer, wie sie in anderen Texten als $time steht: Nominativ und Akkusativ. Nur hier darf eine Zahl neben einer Einheit stehen.
time-seconds =
    { $count ->
        [one] 1 Sekunde
       *[other] { $count } Sekunden
    }
time-minutes =
    { $count ->
        [one] 1 Minute
       *[other] { $count } Minuten
    }
time-hours =
    { $count ->
        [one] 1 Stunde
       *[other] { $count } Stunden
    }
time-days =
    { $count ->
        [one] 1 Tag
       *[other] { $count } Tage
    }

# Auf jeder Seite.
title-error = Fehler:
trial = Testbetrieb: nicht für den Produktivbetrieb gesichert
support = Brauchen Sie Hilfe?
trace = Vorgangsnummer
trace-why = Nennen Sie diese Nummer, wenn Sie um Hilfe bitten.

# Schaltflächen und Links zum nächsten Schritt.
next-start-again = Neu anmelden
next-go-on = Weiter
next-retry = Noch einmal versuchen
next-home = Zur Startseite
next-sign-out = Abmelden

# Die Anmeldeseite. $application ist der Name der Anwendung.
login-title = Anmelden bei { $application }
login-username = Benutzername
# Beispiele für Namen, dann die Hinweise mit einem, zwei oder drei davon. Nur Formen, die die Verzeichnisse annehmen, werden gezeigt.
login-name-plain = alice
login-name-domain = DOMÄNE\alice
login-name-at = alice@example.com
login-username-hint = Zum Beispiel: { $first }
login-username-hint-two = Zum Beispiel: { $first } oder { $second }
login-username-hint-three = Zum Beispiel: { $first }, { $second } oder { $third }
login-password = Passwort
# On the sign-in page and the page of a new password; only where there is JavaScript.
password-show = Passwort anzeigen
password-hide = Passwort verbergen
login-submit = Anmelden
login-refused = Die Anmeldung ist nicht gelungen.
login-refused-next = Prüfen Sie Benutzername und Passwort. Nach mehreren Fehlversuchen warten Sie bitte mindestens { $time }.
login-expired = Diese Seite war zu lange geöffnet.
login-expired-next = Das macht nichts. Melden Sie sich einfach noch einmal an.
login-no-cookies = Ihr Browser hat unser Cookie nicht zurückgeschickt.
login-no-cookies-next = Erlauben Sie in den Einstellungen Ihres Browsers Cookies für diese Seite, oder verlassen Sie den privaten Modus. Melden Sie sich dann noch einmal an.
login-start-again = Diese Anmeldung ist beendet.
login-start-again-next = Melden Sie sich neu an, um einen neuen Code zu erhalten.
login-signed-out = Sie sind abgemeldet.
login-signed-out-next = Sie können sich jederzeit wieder anmelden.

# Anstelle einer Antwort, wenn die Sitzung zu Ende ist. $application ist der Name der Anwendung.
ended-title = Sie sind abgemeldet
ended-not-sent = Was Sie gerade gesendet haben, wurde nicht an { $application } weitergegeben. Es ist in diesem Tab noch da.
ended-cut-short = Ihre Sitzung ging zu Ende, während Sie gesendet haben. { $application } hat vielleicht einen Teil davon erhalten. In diesem Tab ist noch alles da.
ended-sign-in-beside = In einem neuen Tab anmelden
ended-send-again = Kommen Sie danach in diesen Tab zurück und laden Sie ihn neu. Wenn der Browser fragt, lassen Sie ihn das Formular noch einmal senden.
ended-go-back = Nach der Anmeldung können Sie auch zurückgehen: Die meisten Browser zeigen noch, was Sie eingegeben haben.
ended-framed = Melden Sie sich neu an, um weiterzuarbeiten.

# Die Seite, die das Formular einer anderen Seite übergibt. $site ist der Name der anderen Seite.
cross-site-title = Weiter zu { $application }
cross-site-from = { $site } hat Ihnen ein Formular mitgegeben.
cross-site-from-another = Eine andere Seite hat Ihnen ein Formular mitgegeben.

# Die Codeseite. $to ist verdeckt: a•••@example.com, oder die letzten Ziffern einer Nummer.
passcode-title = Code eingeben
passcode-as = Sie melden sich als { $name } bei { $application } an.
passcode-at = Sie melden sich bei { $application } an.
passcode-not-you = Nicht Sie?
passcode-label = Anmeldung { $label }
passcode-label-why = In der Nachricht muss { $label } stehen.
passcode-sending-sms = Wir senden gerade eine SMS an Ihre Nummer mit der Endung { $to }.
passcode-sending-mail = Wir senden gerade eine E-Mail an { $to }.
passcode-sending-voice = Wir rufen Ihre Nummer mit der Endung { $to } an. Nehmen Sie den Anruf an und drücken Sie eine Taste, um den Code zu hören.
passcode-sending-push = Wir senden gerade eine Nachricht an die App auf Ihrem Telefon.
passcode-sent-sms = Wir haben eine SMS an Ihre Nummer mit der Endung { $to } gesendet.
passcode-sent-mail = Wir haben eine E-Mail an { $to } gesendet.
passcode-sent-voice = Wir rufen Ihre Nummer mit der Endung { $to } an. Nehmen Sie den Anruf an und drücken Sie eine Taste, um den Code zu hören.
passcode-sent-push = Wir haben eine Nachricht an die App auf Ihrem Telefon gesendet.
passcode-awaited = Ob sie angekommen ist, wissen wir noch nicht.
passcode-delivered-sms = Ihr Telefon mit der Endung { $to } hat die SMS erhalten.
passcode-delivered-mail = Die E-Mail an { $to } ist angekommen.
passcode-delivered-voice = Wir haben Ihre Nummer mit der Endung { $to } angerufen und den Code angesagt.
passcode-delivered-push = Die App auf Ihrem Telefon hat die Nachricht erhalten.
passcode-undelivered-sms = Die SMS an Ihre Nummer mit der Endung { $to } ist nicht angekommen.
passcode-undelivered-mail = Die E-Mail an { $to } ist nicht angekommen.
passcode-undelivered-voice = Niemand hat unseren Anruf bei Ihrer Nummer mit der Endung { $to } angenommen.
passcode-undelivered-push = Die Nachricht an die App auf Ihrem Telefon ist nicht angekommen.
passcode-unconfirmed-sms = Die SMS an Ihre Nummer mit der Endung { $to } dauert zu lange.
passcode-unconfirmed-mail = Die E-Mail an { $to } dauert zu lange.
passcode-unconfirmed-voice = Der Anruf bei Ihrer Nummer mit der Endung { $to } dauert zu lange.
passcode-unconfirmed-push = Die Nachricht an die App auf Ihrem Telefon dauert zu lange.
passcode-not-sent-sms = Die SMS an Ihre Nummer mit der Endung { $to } ging nicht durch.
passcode-not-sent-mail = Die E-Mail an { $to } ging nicht durch.
passcode-not-sent-voice = Der Anruf bei Ihrer Nummer mit der Endung { $to } kam nicht zustande.
passcode-not-sent-push = Die Nachricht an die App auf Ihrem Telefon ging nicht durch.
passcode-unsure-sms = Vielleicht haben wir eine SMS an Ihre Nummer mit der Endung { $to } gesendet. Sicher sind wir nicht.
passcode-unsure-mail = Vielleicht haben wir eine E-Mail an { $to } gesendet. Sicher sind wir nicht.
passcode-unsure-voice = Vielleicht haben wir Ihre Nummer mit der Endung { $to } angerufen. Sicher sind wir nicht.
passcode-unsure-push = Vielleicht haben wir eine Nachricht an die App auf Ihrem Telefon gesendet. Sicher sind wir nicht.
passcode-unsure-next = Kommt der Code an, geben Sie ihn ein. Wenn nicht, fordern Sie unten einen neuen an.
passcode-twice = Der Code kann doppelt ankommen; es ist derselbe.
passcode-again-sms = Die SMS an Ihre Nummer mit der Endung { $to } ging noch nicht durch.
passcode-again-mail = Die E-Mail an { $to } ging noch nicht durch.
passcode-again-voice = Der Anruf bei Ihrer Nummer mit der Endung { $to } kam noch nicht zustande.
passcode-again-push = Die Nachricht an die App auf Ihrem Telefon ging noch nicht durch.
passcode-again-next = Wir versuchen es weiter. Lassen Sie diese Seite offen.
passcode-again-unsure = Zur Sicherheit versuchen wir es noch einmal. Der Code kann doppelt ankommen; es ist derselbe.
passcode-failed-title = Wir konnten den Code nicht senden
passcode-failed = Keine unserer Nachrichten ging durch. Versuchen Sie es noch einmal, oder melden Sie sich in einigen Minuten neu an.
passcode-field = Code
passcode-life = Der Code gilt { $time }.
passcode-letters = Große und kleine Buchstaben sind beide richtig.
passcode-submit = Anmelden
passcode-wrong = Dieser Code ist falsch.
passcode-wrong-next =
    { $left ->
        [one] Sie haben noch 1 Versuch.
       *[other] Sie haben noch { $left } Versuche.
    }
passcode-earlier = Dieser Code steht in einer älteren Nachricht.
passcode-earlier-next = Nehmen Sie den aus der neuesten. Dieser Versuch wurde nicht gezählt.
passcode-expired-title = Ihr Code ist abgelaufen
passcode-expired = Dieser Code ist abgelaufen.
passcode-expired-next = Dieser Versuch wurde nicht gezählt.
passcode-expired-free = Der eingegebene Code ist zu alt. Dieser Versuch wurde nicht gezählt.
passcode-expired-sms = Wir können einen neuen an Ihre Nummer mit der Endung { $to } senden.
passcode-expired-mail = Wir können einen neuen an { $to } senden.
passcode-expired-voice = Wir können Ihre Nummer mit der Endung { $to } noch einmal anrufen.
passcode-expired-push = Wir können einen neuen an die App auf Ihrem Telefon senden.
passcode-not-yet = Für einen neuen Code ist es noch zu früh.
passcode-not-yet-next = Die letzte Nachricht kann noch ankommen. Warten Sie einen Moment, dann versuchen Sie es noch einmal.
passcode-no-more = Wir können vorerst keine weiteren Codes senden.
passcode-no-more-next = Wir haben in kurzer Zeit viele gesendet. Der letzte Code gilt noch: Geben Sie ihn ein, oder bitten Sie um Hilfe.
passcode-no-more-over = Wir haben in kurzer Zeit viele gesendet. Melden Sie sich später neu an, oder bitten Sie um Hilfe.
passcode-too-many = Aus Ihrem Netz kamen zu viele Versuche.
passcode-too-many-next = Warten Sie { $time }, dann geben Sie den Code noch einmal ein. Dieser Versuch wurde nicht gezählt.
passcode-resend = Neuen Code senden
passcode-resend-sms = Wieder per SMS
passcode-resend-mail = Wieder per E-Mail
passcode-resend-voice = Wieder per Anruf
passcode-resend-push = Wieder an die App
passcode-possible-in = Möglich in { $time }
passcode-other-sms = SMS senden
passcode-other-sms-to = An Ihre Nummer mit der Endung { $to }
passcode-other-mail = Code per E-Mail senden
passcode-other-mail-to = An { $to }
passcode-other-voice = Mich anrufen
passcode-other-voice-to = Auf Ihrer Nummer mit der Endung { $to }
passcode-other-push = An die App senden
passcode-other-push-to = Auf Ihrem Telefon
passcode-resend-used = Sie haben alle Codes angefordert, die eine Anmeldung erlaubt. Für weitere melden Sie sich neu an.
passcode-help = Nichts angekommen?
passcode-other-ways = Anderer Weg
passcode-help-sms = Eine SMS kann eine Weile brauchen. Prüfen Sie, ob Ihr Telefon Empfang hat.
passcode-help-mail = Eine E-Mail kann eine Weile brauchen. Sehen Sie auch im Spam-Ordner nach.
passcode-help-voice = Prüfen Sie, ob Ihr Telefon Empfang hat und nicht stumm ist. Nehmen Sie den Anruf an und drücken Sie eine Taste, um den Code zu hören.
passcode-help-push = Prüfen Sie, ob Ihr Telefon online ist und die App Mitteilungen zeigen darf.
passcode-check = Erneut prüfen

# Die Seite für ein neues Passwort.
password-title = Neues Passwort wählen
password-title-expiring = Ihr Passwort läuft bald ab
password-must-change = Wählen Sie ein neues Passwort, bevor es weitergeht.
password-expired = Ihr Passwort ist abgelaufen. Wählen Sie ein neues, um fortzufahren.
password-expiring = Es gilt noch { $time }. Sie können es jetzt ändern.
password-new = Neues Passwort
password-new-hint = Mehrere Wörter hintereinander sind leicht zu merken und schwer zu erraten.
password-again = Neues Passwort noch einmal
password-submit = Passwort ändern
password-cancel = Von vorn beginnen
password-later = Später
password-later-why = Wir fragen { $time } lang nicht wieder.
password-too-short = Dieses Passwort ist zu kurz.
password-too-short-next = Wählen Sie ein längeres.
password-used-before = Dieses Passwort hatten Sie schon einmal.
password-used-before-next = Wählen Sie eines, das Sie hier noch nie hatten.
password-too-young = Ihr Passwort wurde erst vor Kurzem geändert.
password-too-young-next = Es lässt sich noch nicht wieder ändern. Versuchen Sie es später noch einmal, oder fragen Sie Ihren Helpdesk.
password-not-complex = Dieses Passwort ist zu einfach.
password-not-complex-next = Verwenden Sie Groß- und Kleinbuchstaben, Ziffern und andere Zeichen, aber nicht Ihren Namen.
password-policy = Dieses Passwort entspricht nicht den Regeln.
password-policy-next = Nehmen Sie ein längeres mit mehreren Arten von Zeichen. Lassen Sie Ihren Namen und Ihre letzten Passwörter weg. Ihr Helpdesk kennt die Regeln.
password-different = Die beiden Passwörter sind nicht gleich.
password-different-next = Geben Sie das neue Passwort zweimal in gleicher Weise ein.
password-unfit = Das lässt sich nicht als Passwort verwenden.
password-unfit-next = Geben Sie 1 bis 1.024 Zeichen ein; Buchstaben außer A bis Z zählen mehrfach.
password-no-answer = Wir wissen nicht, ob Ihr Passwort geändert wurde.
password-no-answer-next = Das Benutzerverzeichnis hat nicht geantwortet. Warten Sie einen Moment, und geben Sie das neue Passwort dann noch einmal ein.
password-unable = Ihr Passwort lässt sich hier nicht ändern.
password-unable-next = Ihr Helpdesk kann es ändern. Bis es abläuft, geht es mit „Später“ weiter.
password-busy = Ihr Passwort wird gerade geändert.
password-busy-next = Warten Sie einen Moment, und prüfen Sie es dann erneut.
password-too-many = Zu viele Versuche.
password-too-many-next = Warten Sie mindestens { $time }, und melden Sie sich dann neu an. Ihr Passwort wurde nicht geändert.

# Abmelden.
logout-title = Abmelden?
logout-text = Sie werden hier und überall abgemeldet, wo diese Anmeldung gilt.
logout-submit = Abmelden
logout-stay = Angemeldet bleiben
signed-out-title = Sie sind abgemeldet
signed-out-text = Ihre Sitzung ist beendet.
signed-out-next = An einem gemeinsam genutzten Computer schließen Sie auch alle Fenster des Browsers.

# Hinweise: was ist, was geschah, was als Nächstes zu tun ist.
notice-flow-ended-title = Wir haben diese Anmeldung abgebrochen
notice-flow-ended-text = Der Code war zu oft falsch.
notice-flow-ended-next = Melden Sie sich neu an, um einen neuen Code zu erhalten.
notice-flow-expired-title = Diese Anmeldung ist abgelaufen
notice-flow-expired-text = Sie haben den Code nicht rechtzeitig eingegeben.
notice-flow-expired-next = Melden Sie sich neu an, um einen neuen Code zu erhalten.
notice-flow-used-title = Sie sind bereits angemeldet
notice-flow-used-text = Mit diesem Code wurde bereits angemeldet.
notice-flow-used-next = Sie müssen nichts mehr eingeben. Erscheint die Anmeldeseite erneut, melden Sie sich noch einmal an.
notice-flow-gone-title = Diese Anmeldung ist beendet
notice-flow-gone-text = Sie wurde abgeschlossen oder abgebrochen, oder sie begann in einem anderen Browser.
notice-flow-gone-next = Melden Sie sich neu an.
notice-no-channel-title = Wir können Ihnen keinen Code senden
notice-no-channel-text = Ihr Passwort stimmt, aber wir haben von Ihnen weder eine Telefonnummer noch eine E-Mail-Adresse.
notice-no-channel-next = Lassen Sie sie von Ihrem Helpdesk eintragen, und melden Sie sich dann neu an.
notice-not-for-this-site-title = Kein Zugang mit diesem Konto
notice-not-for-this-site-text = Ihr Passwort stimmt, aber Ihr Konto darf diese Seite nicht benutzen.
notice-not-for-this-site-next = Wenn Sie Zugang brauchen, fragen Sie Ihren Helpdesk. Sie können sich auch mit einem anderen Konto anmelden.
notice-not-from-here-title = Kein Zugang von hier aus
notice-not-from-here-text = Ihr Passwort stimmt, aber Ihr Konto darf diese Seite von Ihrem Standort aus nicht benutzen.
notice-not-from-here-next = Melden Sie sich aus einem Netz neu an, in dem Sie sonst arbeiten. Wenn Sie Zugang von hier brauchen, fragen Sie Ihren Helpdesk.
notice-password-set-title = Ihr neues Passwort gilt
notice-password-set-text = Danach ist etwas schiefgegangen; angemeldet sind Sie deshalb noch nicht.
notice-password-set-next = Melden Sie sich mit dem neuen Passwort an.
notice-password-stale-title = Ihr Passwort wurde inzwischen geändert
notice-password-stale-text = Das Passwort, mit dem Sie sich angemeldet haben, gilt nicht mehr.
notice-password-stale-next = Melden Sie sich mit dem neuen Passwort an. Wenn Sie es nicht selbst geändert haben, sagen Sie es Ihrem Helpdesk.
notice-change-ended-title = Diese Passwortänderung ist beendet
notice-change-ended-text = Es waren zu viele Versuche, oder das Passwort wurde inzwischen geändert.
notice-change-ended-next = Melden Sie sich neu an, um fortzufahren.
notice-factor-paused-title = Codes sind für Ihr Konto gesperrt
notice-factor-paused-text = Jemand hat für Ihr Konto zu viele falsche Codes eingegeben.
notice-factor-paused-next = Warten Sie { $time }, und melden Sie sich dann neu an. Wenn Sie es nicht waren, sagen Sie es Ihrem Helpdesk.
notice-help-desk-title = Rufen Sie Ihren Helpdesk an
notice-help-desk-text = Mit Ihrem Konto ist im Moment keine Anmeldung möglich.
notice-help-desk-next = Ihr Helpdesk kann das in Ordnung bringen. Melden Sie sich danach neu an.
notice-messages-paused-title = Vorerst keine weiteren Codes
notice-messages-paused-text = Wir haben in kurzer Zeit viele Codes gesendet und machen deshalb eine Pause.
notice-messages-paused-next = Warten Sie { $time }, und melden Sie sich dann neu an. Wenn es eilt, bitten Sie um Hilfe.
notice-not-sent-title = Wir konnten den Code nicht senden
notice-not-sent-text = Keiner der Wege zu Ihnen hat funktioniert. Das liegt an uns, nicht an Ihnen.
notice-not-sent-next = Warten Sie einige Minuten, und melden Sie sich dann neu an.
notice-directory-down-title = Wir können gerade keine Passwörter prüfen
notice-directory-down-text = Das Benutzerverzeichnis antwortet nicht. Wir haben Ihre Anmeldung nicht gezählt.
notice-directory-down-next = Warten Sie einige Minuten, und melden Sie sich dann neu an.
notice-cookies-needed-title = Erlauben Sie Cookies, um sich anzumelden
notice-cookies-needed-text = Ihr Browser hat das Cookie nicht zurückgeschickt, das er von uns bekam. Ohne dieses Cookie ist keine Anmeldung möglich.
notice-cookies-needed-next = Erlauben Sie in den Einstellungen Ihres Browsers Cookies für diese Seite, oder verlassen Sie den privaten Modus. Melden Sie sich dann neu an.
notice-foreign-title = Diese Anfrage kam von einer anderen Seite
notice-foreign-text = Zu Ihrem Schutz haben wir sie nicht ausgeführt.
notice-foreign-next = Wenn Sie es so wollten, beginnen Sie hier noch einmal.
notice-cross-site-title = Dieses Formular kam von einer anderen Seite
notice-cross-site-text = Zu Ihrem Schutz haben wir es nicht weitergegeben. Es wurde nichts geändert.
notice-cross-site-next = Wenn Sie sich gerade bei der anderen Seite anmelden oder dort bezahlen, sagen Sie es Ihrem Helpdesk: Diese Seite muss dafür eingerichtet werden. Sonst beginnen Sie bei der Startseite.
notice-session-over-title = Sie sind abgemeldet
notice-session-over-text = Ihre Sitzung war zu Ende, bevor die Anwendung geantwortet hat.
notice-session-over-next = Melden Sie sich neu an, um zu dieser Seite zurückzukommen.
# Über der Überschrift, wo die Anfrage zu einer Sitzung gehört. $application ist der Name der Anwendung, $name der des Kontos.
notice-signed-in-as = Angemeldet als { $name }
notice-forbidden-title = Kein Zugang zu dieser Seite von { $application }
notice-forbidden-text = { $application } öffnet diese Seite nicht für Sie.
notice-forbidden-text-signed-in = Sie sind angemeldet, aber Ihr Konto darf diese Seite von { $application } nicht öffnen.
notice-forbidden-next = Wenn Sie sie brauchen, fragen Sie Ihren Helpdesk. Sie können sich auch abmelden und ein anderes Konto benutzen.
notice-too-many-title = Zu viele Versuche
notice-too-many-text = Aus Ihrem Netz kamen mehr Versuche, als wir auf einmal zulassen.
notice-too-many-next = Warten Sie { $time }, und versuchen Sie es dann noch einmal.
notice-upstream-down-title = { $application } antwortet nicht
notice-upstream-down-text = Sie sind hier richtig. Der Fehler liegt bei { $application } selbst.
notice-upstream-down-text-signed-in = Sie sind angemeldet, und mit Ihrem Konto ist alles in Ordnung. Der Fehler liegt bei { $application } selbst.
notice-upstream-down-next = Warten Sie einige Minuten, und versuchen Sie es dann noch einmal. Wenn Sie gerade etwas gespeichert haben, sehen Sie nach, ob es angekommen ist.
notice-upstream-slow-title = { $application } braucht zu lange
notice-upstream-slow-text = Sie sind hier richtig. { $application } hat nicht rechtzeitig geantwortet; wir haben nicht länger gewartet.
notice-upstream-slow-text-signed-in = Sie sind angemeldet, und mit Ihrem Konto ist alles in Ordnung. { $application } hat nicht rechtzeitig geantwortet; wir haben nicht länger gewartet.
notice-upstream-slow-next = Versuchen Sie es noch einmal. Wenn Sie gerade etwas gespeichert haben, sehen Sie vorher nach, ob es angekommen ist.
notice-bad-request-title = Wir haben diese Anfrage nicht verstanden
notice-bad-request-text = An der Adresse oder an der Anfrage stimmt etwas nicht.
notice-bad-request-next = Beginnen Sie auf der Startseite. Wenn Sie einem Link gefolgt sind, ist er vielleicht falsch.
notice-not-found-title = Diese Seite gibt es nicht
notice-not-found-text = Die Adresse ist vielleicht vertippt oder veraltet.
notice-not-found-next = Beginnen Sie auf der Startseite.
notice-not-allowed-title = Das geht hier nicht
notice-not-allowed-text = Die Seite lässt sich auf diese Weise nicht benutzen.
notice-not-allowed-next = Beginnen Sie auf der Startseite.
notice-unknown-host-title = Unter dieser Adresse ist nichts zu finden
notice-unknown-host-text = Den Namen, nach dem Ihr Browser gefragt hat, kennen wir nicht.
notice-unknown-host-next = Prüfen Sie den Namen in der Adresszeile, und versuchen Sie es dann noch einmal.
notice-too-large-title = Das ist zu groß
notice-too-large-text = Was Sie gesendet haben, ist größer, als wir annehmen.
notice-too-large-next = Versuchen Sie es mit einer kleineren Datei.
notice-head-too-large-title = Ihr Browser hat zu viele Cookies dieser Seite gespeichert
notice-head-too-large-text = Er sendet sie bei jeder Anfrage mit. Zusammen sind sie größer, als wir annehmen.
notice-head-too-large-next = Löschen Sie die Cookies dieser Seite in den Einstellungen Ihres Browsers und versuchen Sie es dann noch einmal.
notice-busy-title = Im Moment ist sehr viel los
notice-busy-text = Wir haben mehr Anfragen, als wir schaffen, und haben mit Ihrer noch nicht begonnen.
notice-busy-next = Warten Sie einen Moment, und versuchen Sie es dann noch einmal.
notice-internal-title = Etwas ist schiefgegangen
notice-internal-text = Der Fehler liegt bei uns, nicht bei Ihnen. Wir haben ihn festgehalten.
notice-internal-next = Versuchen Sie es noch einmal. Wenn es wieder geschieht, bitten Sie um Hilfe.

# Nachrichten. message-sms ist zusammen mit der Zeile, die beim Versand dazukommt, eine einzige SMS: nur Zeichen aus GSM 7-Bit.
# In message-sms steht $code so, wie er eingegeben wird, in message-mail-text in Gruppen wie 482 913.
message-sms = { $code } ist Ihr Code für { $application }, Anmeldung { $label }, gültig { $time }. Sagen Sie ihn niemandem.
message-voice-greeting = Guten Tag. Hier ist der Anmeldedienst mit einem Code für { $application }. Um ihn zu hören, drücken Sie eine beliebige Taste.
message-voice-text = Ihr Code lautet: { $code }. Ich wiederhole: { $code }. Sagen Sie ihn niemandem.
message-mail-subject = Ihr Code für { $application } (Anmeldung { $label })
message-mail-text =
    Ihr Code für { $application }:

    { $code }

    Er gehört zur Anmeldung { $label } und gilt { $time }. Geben Sie ihn nur auf der Seite ein, auf der „Anmeldung { $label }“ steht, und sagen Sie ihn niemandem; wir fragen nie danach.

    Haben Sie sich gerade gar nicht angemeldet? Dann kennt jemand anders Ihr Passwort: Ändern Sie es, und sagen Sie es Ihrem Helpdesk.

# Nachrichten, die kein Code sind.
message-test-subject = Ein Test des Anmeldedienstes
message-test-text = Dies ist ein Test des Anmeldedienstes für { $name }. Sie müssen nichts tun.
message-welcome-subject = Sie können sich jetzt bei { $application } anmelden
message-welcome-text = Guten Tag { $name }, Sie können sich jetzt bei { $application } anmelden: mit Benutzername, Passwort und einem Code, der hierher gesendet wird.
message-new-place-subject = Anmeldung mit einem neuen Browser
message-new-place-text = { $name } hat sich um { $at } UTC bei { $application } angemeldet, mit einem bisher nicht benutzten Browser. Waren Sie das nicht, ändern Sie Ihr Passwort und rufen Sie den Helpdesk an.
message-paused-subject = Falsche Codes für Ihr Konto
message-paused-text = Für { $name } wurden zu viele falsche Codes eingegeben. Codes werden bis zu { $time } lang abgelehnt. Waren Sie das nicht, kennt jemand Ihr Passwort: Ändern Sie es und rufen Sie den Helpdesk an.
