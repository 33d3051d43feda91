# Doorward auf Deutsch.

# Der Name der Sprache in ihr selbst; steht in der Sprachauswahl.
language-name = Deutsch
language-choice = Sprache

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
login-username-hint = Name, DOMÄNE\Name oder Name@Domäne
login-password = Passwort
login-submit = Anmelden
login-refused = Die Anmeldung ist nicht gelungen.
login-refused-next = Prüfen Sie Benutzername und Passwort. Nach mehreren Fehlversuchen warten Sie bitte bis zu 30 Minuten.
login-expired = Diese Seite war zu lange geöffnet.
login-expired-next = Das macht nichts. Melden Sie sich einfach noch einmal an.
login-no-cookies = Ihr Browser hat unser Cookie nicht zurückgeschickt.
login-no-cookies-next = Erlauben Sie in den Einstellungen Ihres Browsers Cookies für diese Seite, oder verlassen Sie den privaten Modus. Melden Sie sich dann noch einmal an.
login-start-again = Diese Anmeldung ist beendet.
login-start-again-next = Bitte melden Sie sich neu an; Sie erhalten einen neuen Code.
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

# Die Codeseite. $to ist verdeckt, etwa •••• 12 oder a•••@example.com.
passcode-title = Code eingeben
passcode-label = Anmeldung { $label }
passcode-label-why = In der Nachricht steht „Anmeldung { $label }“. Geben Sie keinen Code aus einer anderen Nachricht ein.
passcode-sending-sms = Wir senden gerade einen Code per SMS an { $to }.
passcode-sending-mail = Wir senden gerade einen Code per E-Mail an { $to }.
passcode-sending-voice = Wir rufen { $to } an und sagen den Code an.
passcode-sending-push = Wir senden einen Code an die App auf Ihrem Telefon.
passcode-sent-sms = Wir haben einen Code per SMS an { $to } gesendet.
passcode-sent-mail = Wir haben einen Code per E-Mail an { $to } gesendet.
passcode-sent-voice = Wir rufen { $to } an. Nehmen Sie den Anruf an und drücken Sie eine beliebige Taste, um den Code zu hören.
passcode-sent-push = Wir haben einen Code an die App auf Ihrem Telefon gesendet.
passcode-awaited = Die Zustellung ist noch nicht bestätigt.
passcode-delivered-sms = Der Code wurde per SMS an { $to } zugestellt.
passcode-delivered-mail = Der Code wurde per E-Mail an { $to } zugestellt.
passcode-delivered-voice = Wir haben { $to } angerufen und den Code angesagt.
passcode-delivered-push = Der Code wurde an die App auf Ihrem Telefon zugestellt.
passcode-undelivered-sms = Die SMS an { $to } wurde nicht zugestellt.
passcode-undelivered-mail = Die E-Mail an { $to } wurde nicht zugestellt.
passcode-undelivered-voice = Der Anruf bei { $to } wurde nicht angenommen.
passcode-undelivered-push = Die Nachricht an die App auf Ihrem Telefon wurde nicht zugestellt.
passcode-unconfirmed-sms = Die Zustellung der SMS an { $to } wurde nicht rechtzeitig bestätigt.
passcode-unconfirmed-mail = Die Zustellung der E-Mail an { $to } wurde nicht rechtzeitig bestätigt.
passcode-unconfirmed-voice = Der Anruf bei { $to } wurde nicht rechtzeitig bestätigt.
passcode-unconfirmed-push = Die Zustellung an die App auf Ihrem Telefon wurde nicht rechtzeitig bestätigt.
passcode-not-sent-sms = Die SMS an { $to } konnte nicht gesendet werden.
passcode-not-sent-mail = Die E-Mail an { $to } konnte nicht gesendet werden.
passcode-not-sent-voice = { $to } konnte nicht angerufen werden.
passcode-not-sent-push = Die Nachricht an die App auf Ihrem Telefon konnte nicht gesendet werden.
passcode-unsure-sms = Möglicherweise haben wir einen Code per SMS an { $to } gesendet; sicher wissen wir es nicht.
passcode-unsure-mail = Möglicherweise haben wir einen Code per E-Mail an { $to } gesendet; sicher wissen wir es nicht.
passcode-unsure-voice = Möglicherweise haben wir { $to } angerufen; sicher wissen wir es nicht.
passcode-unsure-push = Möglicherweise haben wir einen Code an die App auf Ihrem Telefon gesendet; sicher wissen wir es nicht.
passcode-unsure-next = Kommt er an, geben Sie ihn ein. Sonst fordern Sie einen neuen an.
passcode-twice = Er kann doppelt ankommen; es ist derselbe Code.
passcode-again-sms = Wir konnten die SMS an { $to } noch nicht senden.
passcode-again-mail = Wir konnten die E-Mail an { $to } noch nicht senden.
passcode-again-voice = Wir konnten { $to } noch nicht anrufen.
passcode-again-push = Wir konnten die Nachricht an die App auf Ihrem Telefon noch nicht senden.
passcode-again-next = Wir versuchen es weiter. Lassen Sie diese Seite geöffnet.
passcode-again-unsure = Zur Sicherheit versuchen wir es noch einmal. Der Code kann doppelt ankommen; es ist derselbe.
passcode-failed = Wir konnten den Code nicht senden. Fordern Sie einen neuen an, oder melden Sie sich etwas später neu an.
passcode-field = Code
passcode-life =
    { $minutes ->
        [0] Der Code gilt noch weniger als eine Minute.
        [one] Der Code gilt noch etwa eine Minute.
       *[other] Der Code gilt noch etwa { $minutes } Minuten.
    }
passcode-letters = Groß- oder Kleinbuchstaben: beides ist richtig.
passcode-submit = Anmelden
passcode-wrong = Dieser Code stimmt nicht.
passcode-wrong-next =
    { $left ->
        [one] Sie haben noch einen Versuch. Vergleichen Sie den Code mit der neuesten Nachricht.
       *[other] Sie haben noch { $left } Versuche. Vergleichen Sie den Code mit der neuesten Nachricht.
    }
passcode-earlier = Das war der frühere Code.
passcode-earlier-next = Geben Sie den Code aus der neuesten Nachricht ein. Dieser Versuch wurde nicht gezählt.
passcode-code-expired = Dieser Code ist abgelaufen.
passcode-code-expired-next = Fordern Sie unten einen neuen Code an.
passcode-code-expired-over = Bitte melden Sie sich neu an.
passcode-not-yet = Für einen neuen Code ist es noch zu früh.
passcode-not-yet-next = Der letzte kann noch eintreffen. Warten Sie einen Moment, und fordern Sie dann einen neuen an.
passcode-no-more = Wir können vorerst keine weiteren Codes senden.
passcode-no-more-next = In kurzer Zeit wurden viele gesendet. Der letzte bleibt gültig; geben Sie ihn ein, oder bitten Sie um Hilfe.
passcode-too-many = Aus Ihrem Netz kamen zu viele Versuche.
passcode-too-many-next = Warten Sie eine Minute, und geben Sie den Code dann noch einmal ein. Dieser Versuch wurde nicht gezählt.
passcode-resend = Neuen Code senden
passcode-resend-in = In { $seconds } s können Sie einen neuen Code anfordern.
passcode-resend-left =
    { $left ->
        [one] Sie können noch einen Code anfordern.
       *[other] Sie können noch { $left } Codes anfordern.
    }
passcode-other-sms = Per SMS an { $to } senden
passcode-other-mail = Per E-Mail an { $to } senden
passcode-other-voice = Stattdessen { $to } anrufen
passcode-other-push = An die App auf dem Telefon senden
passcode-resend-used = Sie haben alle Codes angefordert, die für eine Anmeldung vorgesehen sind.
passcode-help = Nichts angekommen?
passcode-help-wait = Eine Nachricht kann bis zu einer Minute brauchen.
passcode-help-sms = Prüfen Sie, ob Ihr Telefon Empfang hat und die Nummer oben Ihre ist.
passcode-help-mail = Sehen Sie auch im Spam-Ordner nach.
passcode-help-voice = Prüfen Sie, ob Ihr Telefon Empfang hat und nicht stumm geschaltet ist. Nehmen Sie den Anruf an und drücken Sie eine Taste, um den Code zu hören.
passcode-help-push = Prüfen Sie, ob Ihr Telefon mit dem Internet verbunden ist und die App Mitteilungen zeigen darf.
passcode-help-again = Fordern Sie dann einen neuen Code an. Der frühere wird ungültig.
passcode-check = Erneut prüfen
passcode-cancel = Von vorn beginnen

# Die Seite für ein neues Passwort.
password-title = Neues Passwort wählen
password-title-expiring = Ihr Passwort läuft bald ab
password-must-change = Sie müssen Ihr Passwort ändern, bevor es weitergeht.
password-expired = Ihr Passwort ist abgelaufen. Wählen Sie ein neues, um fortzufahren.
password-expiring =
    { $days ->
        [0] Es gilt noch weniger als einen Tag. Sie können es jetzt ändern.
        [one] Es gilt noch einen Tag. Sie können es jetzt ändern.
       *[other] Es gilt noch { $days } Tage. Sie können es jetzt ändern.
    }
password-new = Neues Passwort
password-new-hint = Mehrere Wörter hintereinander sind leicht zu merken und schwer zu erraten.
password-again = Neues Passwort noch einmal
password-submit = Passwort ändern
password-later = Später
password-later-why = Wir erinnern Sie morgen wieder daran.
password-too-short = Dieses Passwort ist zu kurz.
password-too-short-next = Wählen Sie ein längeres.
password-used-before = Dieses Passwort hatten Sie schon einmal.
password-used-before-next = Wählen Sie eines, das Sie noch nicht hatten.
password-too-young = Ihr Passwort wurde erst vor Kurzem geändert.
password-too-young-next = Es lässt sich noch nicht wieder ändern. Versuchen Sie es morgen noch einmal, oder fragen Sie Ihren Helpdesk.
password-not-complex = Dieses Passwort ist zu einfach.
password-not-complex-next = Verwenden Sie Groß- und Kleinbuchstaben, Ziffern und andere Zeichen, aber nicht Ihren Namen.
password-policy = Dieses Passwort entspricht nicht den Regeln.
password-policy-next = Nehmen Sie ein längeres mit mehreren Arten von Zeichen, ohne Teile Ihres Namens und keines der letzten. Ihr Helpdesk kennt die Regeln.
password-different = Die beiden Eingaben sind nicht gleich.
password-different-next = Geben Sie das neue Passwort zweimal in gleicher Weise ein.
password-unfit = Das kann kein Passwort sein.
password-unfit-next = Geben Sie 1 bis 1.024 Zeichen ein; Buchstaben außer A bis Z zählen mehrfach.
password-no-answer = Wir wissen nicht, ob Ihr Passwort geändert wurde.
password-no-answer-next = Das Benutzerverzeichnis hat nicht geantwortet. Warten Sie eine Minute, und geben Sie das neue Passwort dann noch einmal ein.
password-unable = Ihr Passwort lässt sich hier nicht ändern.
password-unable-next = Ihr Helpdesk kann es ändern. Bis es abläuft, geht es mit „Später“ weiter.
password-busy = Ihr Passwort wird gerade geändert.
password-busy-next = Warten Sie einen Moment, und prüfen Sie es dann erneut.
password-too-many = Zu viele Versuche.
password-too-many-next = Warten Sie bis zu 30 Minuten, und melden Sie sich dann neu an. Ihr Passwort wurde nicht geändert.

# Abmelden.
logout-title = Abmelden?
logout-text = Sie werden hier und überall abgemeldet, wo diese Anmeldung gilt.
logout-submit = Abmelden
logout-stay = Angemeldet bleiben
signed-out-title = Sie sind abgemeldet
signed-out-text = Ihre Sitzung ist beendet.
signed-out-next = An einem gemeinsam genutzten Computer schließen Sie bitte auch alle Fenster des Browsers.

# Hinweise: was ist, was geschah, was als Nächstes zu tun ist.
notice-flow-ended-title = Diese Anmeldung wurde abgebrochen
notice-flow-ended-text = Der Code war zu oft falsch.
notice-flow-ended-next = Melden Sie sich neu an; Sie erhalten einen neuen Code.
notice-flow-expired-title = Diese Anmeldung ist abgelaufen
notice-flow-expired-text = Der Code wurde nicht rechtzeitig eingegeben.
notice-flow-expired-next = Melden Sie sich neu an; Sie erhalten einen neuen Code.
notice-flow-used-title = Sie sind bereits angemeldet
notice-flow-used-text = Dieser Code hat seinen Zweck erfüllt.
notice-flow-used-next = Sie müssen nichts mehr eingeben und können einfach fortfahren. Erscheint die Anmeldeseite erneut, melden Sie sich noch einmal an.
notice-flow-gone-title = Diese Anmeldung ist beendet
notice-flow-gone-text = Sie wurde abgeschlossen oder abgebrochen, oder sie begann in einem anderen Browser.
notice-flow-gone-next = Bitte melden Sie sich neu an.
notice-no-channel-title = Wir können Ihnen keinen Code senden
notice-no-channel-text = Ihr Passwort stimmt, aber uns ist weder eine Telefonnummer noch eine E-Mail-Adresse von Ihnen bekannt, an die wir einen Code senden können.
notice-no-channel-next = Lassen Sie sie von Ihrem Helpdesk eintragen, und melden Sie sich dann neu an.
notice-not-for-this-site-title = Kein Zugang mit diesem Konto
notice-not-for-this-site-text = Ihr Passwort stimmt, aber Ihr Konto darf diese Seite von Ihrem Standort aus nicht benutzen.
notice-not-for-this-site-next = Wenn Sie Zugang brauchen, fragen Sie Ihren Helpdesk. Sie können sich auch mit einem anderen Konto anmelden.
notice-password-set-title = Ihr neues Passwort gilt
notice-password-set-text = Danach ist etwas schiefgegangen; angemeldet sind Sie deshalb noch nicht.
notice-password-set-next = Melden Sie sich mit dem neuen Passwort an.
notice-password-stale-title = Ihr Passwort wurde inzwischen geändert
notice-password-stale-text = Das Passwort, mit dem Sie sich angemeldet haben, gilt nicht mehr.
notice-password-stale-next = Melden Sie sich mit dem an, das jetzt gilt. Wenn Sie es nicht selbst geändert haben, sagen Sie es Ihrem Helpdesk.
notice-change-ended-title = Diese Passwortänderung ist beendet
notice-change-ended-text = Es waren zu viele Versuche, oder das Passwort wurde inzwischen geändert.
notice-change-ended-next = Melden Sie sich neu an, um fortzufahren.
notice-factor-paused-title = Bitte machen Sie eine Pause
notice-factor-paused-text = Für Ihr Konto wurden zu viele falsche Codes eingegeben.
notice-factor-paused-next =
    { $minutes ->
        [one] Warten Sie eine Minute, und melden Sie sich dann neu an. Wenn Sie es nicht waren, sagen Sie es Ihrem Helpdesk.
       *[other] Warten Sie { $minutes } Minuten, und melden Sie sich dann neu an. Wenn Sie es nicht waren, sagen Sie es Ihrem Helpdesk.
    }
notice-help-desk-title = Bitte wenden Sie sich an Ihren Helpdesk
notice-help-desk-text = Ihr Konto kann im Moment nicht zum Anmelden benutzt werden.
notice-help-desk-next = Ihr Helpdesk kann das in Ordnung bringen. Melden Sie sich danach neu an.
notice-messages-paused-title = Vorerst keine weiteren Codes
notice-messages-paused-text = In kurzer Zeit wurden viele Codes gesendet; der Versand macht deshalb eine Pause.
notice-messages-paused-next = Warten Sie etwa eine Stunde, und melden Sie sich dann neu an. Wenn es eilt, bitten Sie um Hilfe.
notice-not-sent-title = Der Code konnte nicht gesendet werden
notice-not-sent-text = Keiner der Wege zu Ihnen hat funktioniert. Das liegt an uns, nicht an Ihnen.
notice-not-sent-next = Warten Sie einige Minuten, und melden Sie sich dann neu an.
notice-directory-down-title = Wir können gerade keine Passwörter prüfen
notice-directory-down-text = Das Benutzerverzeichnis antwortet nicht. Ihre Anmeldung wurde nicht gezählt.
notice-directory-down-next = Warten Sie einige Minuten, und melden Sie sich dann neu an.
notice-cookies-needed-title = Bitte erlauben Sie Cookies
notice-cookies-needed-text = Ihr Browser hat das Cookie nicht zurückgeschickt, das er von uns bekam. Ohne dieses Cookie ist keine Anmeldung möglich.
notice-cookies-needed-next = Erlauben Sie in den Einstellungen Ihres Browsers Cookies für diese Seite, oder verlassen Sie den privaten Modus. Melden Sie sich dann neu an.
notice-foreign-title = Diese Anfrage kam von einer anderen Seite
notice-foreign-text = Zu Ihrem Schutz haben wir sie nicht ausgeführt.
notice-foreign-next = Wenn Sie es so wollten, beginnen Sie hier noch einmal.
notice-cross-site-title = Dieses Formular kam von einer anderen Seite
notice-cross-site-text = Zu Ihrem Schutz wurde es nicht weitergegeben, und es wurde nichts geändert.
notice-cross-site-next = Wenn Sie sich gerade bei der anderen Seite anmelden oder dort bezahlen, sagen Sie es Ihrem Helpdesk: Diese Seite muss dafür eingerichtet werden. Sonst beginnen Sie bei der Startseite.
notice-session-over-title = Sie sind abgemeldet
notice-session-over-text = Ihre Sitzung war zu Ende, bevor die Anwendung geantwortet hat.
notice-session-over-next = Melden Sie sich neu an; Sie kommen dann zu dieser Seite zurück.
notice-forbidden-title = Kein Zugang
notice-forbidden-text = Sie sind angemeldet, aber Ihr Konto darf diese Seite nicht öffnen.
notice-forbidden-next = Wenn Sie sie brauchen, fragen Sie Ihren Helpdesk. Sie können sich auch abmelden und ein anderes Konto benutzen.
notice-too-many-title = Zu viele Versuche
notice-too-many-text = Aus Ihrem Netz kamen mehr Versuche, als wir auf einmal zulassen.
notice-too-many-next = Warten Sie eine Minute, und versuchen Sie es dann noch einmal.
notice-upstream-down-title = Die Anwendung antwortet nicht
notice-upstream-down-text = Sie sind hier richtig, aber die Anwendung hinter dieser Seite ist nicht erreichbar.
notice-upstream-down-next = Warten Sie einige Minuten, und versuchen Sie es dann noch einmal.
notice-upstream-slow-title = Die Anwendung braucht zu lange
notice-upstream-slow-text = Sie hat nicht rechtzeitig geantwortet; wir haben nicht länger gewartet.
notice-upstream-slow-next = Versuchen Sie es noch einmal. Wenn Sie gerade etwas gespeichert haben, sehen Sie vorher nach, ob es angekommen ist.
notice-bad-request-title = Wir haben diese Anfrage nicht verstanden
notice-bad-request-text = Die Adresse oder etwas anderes an der Anfrage ist nicht so, wie es sein sollte.
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
notice-too-large-text = Was gesendet wurde, ist größer, als wir weitergeben.
notice-too-large-next = Versuchen Sie es mit einer kleineren Datei.
notice-head-too-large-title = Ihr Browser hat zu viele Cookies dieser Seite gespeichert
notice-head-too-large-text = Er sendet sie bei jeder Anfrage mit, und zusammen sind sie größer, als wir weitergeben.
notice-head-too-large-next = Löschen Sie die Cookies dieser Seite in den Einstellungen Ihres Browsers und versuchen Sie es dann noch einmal.
notice-busy-title = Im Moment ist sehr viel los
notice-busy-text = Wir haben mehr zu tun, als wir schaffen, und haben mit Ihrer Anfrage noch nicht begonnen.
notice-busy-next = Warten Sie einen Moment, und versuchen Sie es dann noch einmal.
notice-internal-title = Etwas ist schiefgegangen
notice-internal-text = Das liegt an uns, nicht an Ihnen. Der Vorgang wurde festgehalten.
notice-internal-next = Versuchen Sie es noch einmal. Wenn es wieder geschieht, bitten Sie um Hilfe.

# Nachrichten. message-sms ist zusammen mit der Zeile, die beim Versand dazukommt, eine einzige SMS: nur Zeichen aus GSM 7-Bit.
# In message-sms steht $code so, wie er eingegeben wird, in message-mail-text in Gruppen wie 482 913.
message-sms =
    { $minutes ->
        [one] { $code } ist Ihr Code für { $application }, Anmeldung { $label }, gültig 1 Minute. Sagen Sie ihn niemandem.
       *[other] { $code } ist Ihr Code für { $application }, Anmeldung { $label }, gültig { $minutes } Minuten. Sagen Sie ihn niemandem.
    }
message-voice-greeting = Guten Tag. Hier ist der Anmeldedienst mit einem Code für { $application }. Um ihn zu hören, drücken Sie eine beliebige Taste.
message-voice-text = Ihr Code lautet: { $code }. Ich wiederhole: { $code }. Sagen Sie ihn niemandem.
message-mail-subject = Ihr Code für { $application } (Anmeldung { $label })
message-mail-text =
    Ihr Code für { $application }:

    { $code }

    Er gehört zur Anmeldung { $label } und gilt { $minutes ->
        [one] eine Minute.
       *[other] { $minutes } Minuten.
    } Geben Sie ihn nur auf der Seite ein, auf der „Anmeldung { $label }“ steht, und sagen Sie ihn niemandem; wir fragen nie danach.

    Haben Sie sich gerade gar nicht angemeldet? Dann kennt jemand anders Ihr Passwort: Ändern Sie es, und sagen Sie es Ihrem Helpdesk.

# Nachrichten, die kein Code sind.
message-test-subject = Ein Test des Anmeldedienstes
message-test-text = Dies ist ein Test des Anmeldedienstes für { $name }. Sie müssen nichts tun.
message-welcome-subject = Sie können sich jetzt bei { $application } anmelden
message-welcome-text = Guten Tag { $name }, Sie können sich jetzt bei { $application } anmelden: mit Benutzername, Passwort und einem Code, der hierher gesendet wird.
message-new-place-subject = Anmeldung mit einem neuen Browser
message-new-place-text = { $name } hat sich um { $at } UTC bei { $application } angemeldet, mit einem bisher nicht benutzten Browser. Waren Sie das nicht, ändern Sie Ihr Passwort und rufen Sie den Helpdesk an.
message-paused-subject = Falsche Codes für Ihr Konto
message-paused-text = Für { $name } wurden zu viele falsche Codes eingegeben. Codes werden bis zu { $minutes } Minuten lang abgelehnt. Waren Sie das nicht, kennt jemand Ihr Passwort: Ändern Sie es und rufen Sie den Helpdesk an.
