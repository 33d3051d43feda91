//! The cause of a refusal: the mailbox, we, or the relay. A wrong "the mailbox is at fault" loses a code that another relay would have delivered; a wrong "the relay, or we"
//! costs one more question. So a refusal ends an address only where code or words say that there is no such mailbox or that it takes
//! nothing, and nothing says that it is about us: a 5.1.1 whose text says "relaying denied" is about us.

use super::reply::Reply;
use crate::dispatch::FailureKind;

/// What was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Everything before the message: greeting, EHLO, STARTTLS, AUTH, MAIL.
    Relay,
    /// RCPT.
    Recipient,
    /// DATA and the message itself; it has one recipient, so a relay that looks mailboxes up late means that one.
    Message,
}

/// What a refusal means for the message. A 4xx passes, greylisting among them (RFC 5321 section 4.2.1).
pub fn blame(step: Step, reply: &Reply) -> FailureKind {
    match reply.code {
        400..=499 => FailureKind::RetryHere,
        500..=599 if step != Step::Relay && is_the_mailbox(reply) => FailureKind::Final,
        500..=599 if says_it_passes(reply) => FailureKind::RetryHere,
        _ => FailureKind::RetryElsewhere,
    }
}

/// Relays that greylist or are full with the wrong code, and with words that say so.
fn says_it_passes(reply: &Reply) -> bool {
    let words = plain(&without_addresses(&reply.text()));
    PASSES.iter().any(|phrase| words.contains(&format!(" {phrase}")))
}

fn is_the_mailbox(reply: &Reply) -> bool {
    // 530, 535, 538: sign in, or over TLS (RFC 4954 section 6, RFC 3207 section 4); 521: no mail here (RFC 7504).
    if matches!(reply.code, 521 | 530 | 534 | 535 | 538) {
        return false;
    }
    let text = without_addresses(&reply.text());
    let codes = enhanced(&text);
    let words = plain(&text);
    let named = codes.iter().any(|code| code.names_the_mailbox()) || says_no_mailbox(&words);
    named && !codes.iter().any(|code| code.is_about_us()) && !says_us(&words)
}

/// An enhanced status code (RFC 3463), of class 5.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Enhanced(u16, u16);

impl Enhanced {
    /// Subject 1: no such mailbox, bad syntax, moved, no mail here (RFC 7505; Exchange Online's "recipient not found"); not x.1.2, which says
    /// what this relay finds in its DNS. Subject 2: disabled, full, the message too long for it, the list cannot be expanded.
    fn names_the_mailbox(self) -> bool {
        matches!(self, Self(1, 1 | 3 | 6 | 10) | Self(2, 1..=4))
    }

    /// Subject 1: the domain as the relay finds it, the sender. 3: the relay's system; 4: its network and routing; 7: policy, and who we are. x.3.0 says nothing.
    fn is_about_us(self) -> bool {
        matches!(self, Self(1, 2 | 7 | 8) | Self(3, 1..) | Self(4 | 7, _))
    }
}

/// All that stand in the text, however they are wrapped: `5.1.1`, `#5.1.1`, `(#5.1.1)`, `<5.1.1>`; no part of an IP address.
fn enhanced(text: &str) -> Vec<Enhanced> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '.';
    let code = |word: &str| {
        let mut parts = word.trim_end_matches('.').split('.');
        let number = |part: Option<&str>| part.filter(|part| (1..=3).contains(&part.len())).and_then(|part| part.parse().ok());
        let (class, subject, detail) = (parts.next()?, number(parts.next())?, number(parts.next())?);
        (class == "5" && parts.next().is_none()).then_some(Enhanced(subject, detail))
    };
    text.split(|letter: char| !is_part(letter)).filter_map(code).collect()
}

/// Addresses, host names in brackets and links hold words that were not said.
fn without_addresses(text: &str) -> String {
    let is_said = |word: &&str| !word.contains('@') && !word.contains("://") && !word.to_ascii_lowercase().starts_with("www.");
    text.split_whitespace().filter(is_said).collect::<Vec<_>>().join(" ")
}

/// Lower case, one blank between words and at both ends, and nothing else: ` user doesn t exist `.
fn plain(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once("").chain(words).chain(std::iter::once("")).collect::<Vec<_>>().join(" ")
}

/// Something a mailbox is called, and that it is not there, full or shut.
fn says_no_mailbox(words: &str) -> bool {
    let has = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(&format!(" {phrase} ")));
    has(PHRASES) || (has(MAILBOX) && has(GONE))
}

fn says_us(words: &str) -> bool {
    let has = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(&format!(" {phrase} ")));
    let begins = |stems: &[&str]| stems.iter().any(|stem| words.contains(&format!(" {stem}")));
    // Postfix names its tables: "User unknown in relay recipient table".
    let relay = words.replace(" relay recipient table ", " ").contains(" relay");
    has(US) || begins(US_BEGIN) || relay
}

const MAILBOX: &[&str] =
    &["account", "address", "addressee", "alias", "inbox", "mailbox", "person", "recipient", "recipients", "user", "username"];

const GONE: &[&str] = &[
    "cannot be found",
    "closed",
    "deactivated",
    "deleted",
    "disabled",
    "does not exist",
    "doesn t exist",
    "doesn t have",
    "exceeded storage",
    "expired",
    "full",
    "has moved",
    "inactive",
    "invalid",
    "is unknown",
    "isn t active",
    "no longer",
    "no such",
    "non existent",
    "nonexistent",
    "not active",
    "not exist",
    "not found",
    "not in our",
    "not known",
    "not listed",
    "not valid",
    "out of storage",
    "over quota",
    "overquota",
    "quota exceeded",
    "exceeded quota",
    "exceeds quota",
    "exceeded the quota",
    "unknown",
];

/// Without any of the words for a mailbox, or run together.
const PHRASES: &[&str] = &[
    "mailbox full",
    "no mailbox here",
    "no one by that name",
    "nobody by that name",
    "nosuchuser",
    "recipientnotfound",
    "recipnotfound",
    "over quota",
    "quota exceeded",
    "unknown user",
    "user unknown",
];

/// What is wrong with us, or with what the relay thinks of us.
const US: &[&str] = &[
    "access denied",
    "auth",
    "banned",
    "client host",
    "daily",
    "dkim",
    "dmarc",
    "dns",
    "dnsbl",
    "ehlo",
    "encryption",
    "from address",
    "from header",
    "hello",
    "helo",
    "hostname",
    "hourly",
    "ip",
    "log in",
    "login",
    "mail from",
    "mailpolicy",
    "monthly",
    "not allowed to",
    "not authorised",
    "not authorized",
    "not permitted",
    "per day",
    "per hour",
    "per minute",
    "permission",
    "pop before smtp",
    "ptr",
    "rate",
    "rbl",
    "rcpthosts",
    "rdns",
    "reputation",
    "return address",
    "return path",
    "reverse path",
    "rule",
    "sending",
    "sign in",
    "spf",
    "starttls",
    "tls",
    "too many",
    "valid mx",
    "your account",
    "your domain",
    "your host",
    "your server",
];

/// It passes, whatever the code says; beginnings of words.
const PASSES: &[&str] =
    &["come back later", "graylist", "greylist", "retry later", "try again in", "try again later", "try later"];

/// Beginnings of words: `blocked`, `blocklist`, `blacklisted`.
const US_BEGIN: &[&str] = &[
    "authenticat",
    "barracuda",
    "blacklist",
    "black list",
    "blocked",
    "blocking",
    "blocklist",
    "block list",
    "denied",
    "denylist",
    "forbidden",
    "graylist",
    "greylist",
    "malware",
    "policies",
    "policy",
    "prohibit",
    "sender",
    "spam",
    "suspicious",
    "throttl",
    "unauthenticat",
    "unauthori",
    "unsolicited",
    "virus",
];

#[cfg(test)]
mod tests {
    use FailureKind::{Final, RetryElsewhere, RetryHere};

    use super::*;

    fn judged(step: Step, answer: &str) -> FailureKind {
        let (code, _) = answer.split_at(3);
        let lines = answer.split('|').map(|line| line.get(4..).unwrap_or_default().to_owned()).collect();
        blame(step, &Reply { code: code.parse().unwrap(), lines })
    }

    /// As the servers word it: Postfix smtpd_check.c and its table names; Exim's default configuration and acl.c; sendmail's cf; qmail-smtpd and
    /// qmail-local; Microsoft's list of NDR codes for Exchange Online; Google's and Yahoo's pages on SMTP errors; Mimecast's and Proofpoint's
    /// lists of codes; hMailServer's, Domino's, MDaemon's and Zimbra's answers as administrators quote them.
    const NO_MAILBOX: &[&str] = &[
        "550 5.1.1 <anna@example.test>: Recipient address rejected: User unknown in local recipient table",
        "550 5.1.1 <anna@example.test>: Recipient address rejected: User unknown in virtual mailbox table",
        "550 5.1.1 <anna@example.test>: Recipient address rejected: User unknown in relay recipient table",
        "550 5.1.1 <relay.blocked@spf.test>: Recipient address rejected: User unknown in virtual alias table",
        "550 5.1.1 <anna@example.test>: Recipient address rejected: example.test",
        "552 5.2.2 <anna@example.test>: Recipient address rejected: Mailbox is full",
        "550 5.1.1 <anna@example.test>... User unknown",
        "553 5.3.0 <anna@example.test>... No such user here",
        "550 Unknown user",
        "550 No Such User Here",
        "552 Mailbox is full / Blocks limit exceeded / Inode limit exceeded",
        "550 sorry, no mailbox here by that name. (#5.1.1)",
        "550 #5.1.1",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient anna@example.test not found by SMTP address lookup",
        "550 5.1.1 RESOLVER.ADR.RecipNotFound; not found",
        "550 5.1.1 User unknown",
        "554 5.2.1 mailbox disabled",
        "550-5.1.1 The email account that you tried to reach does not exist. Please try|550-5.1.1 double-checking the recipient's email \
         address for typos or|550-5.1.1 unnecessary spaces. For more information, go to|550 5.1.1 \
         https://support.google.com/mail/?p=NoSuchUser a640c23a62f3a-4fd - gsmtp",
        "552-5.2.2 The recipient's inbox is out of storage space and inactive.|552 5.2.2 https://support.google.com/mail/?p=OverQuotaPerm x - gsmtp",
        "550-5.2.1 The email account that you tried to reach is inactive.|550 5.2.1 https://support.google.com/mail/?p=DisabledUser x - gsmtp",
        "554 delivery error: dd This user doesn't have a yahoo.com account (anna@yahoo.com) [0] - mta1.mail.yahoo.com",
        "554 delivery error: dd Requested mail action aborted, mailbox not found",
        "550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550",
        "550 anna@example.test... No such user",
        "550 5.1.1 User anna not listed in Domino Directory",
        "550 <anna@example.test>, Recipient unknown",
        "550 5.1.6 recipient no longer on server: anna@example.test",
        "550 5.1.3 bad destination mailbox address syntax",
        "550 5.2.1 This mailbox is disabled",
        "552 Message rejected: over quota",
        "550 USER UNKNOWN",
        "550 5.1.1 Not our Customer",
        "550 5.1.1 <anna@example.test> recipient mailbox unallocated",
        "550 Message was not accepted -- invalid mailbox. Local mailbox anna@mail.ru is unavailable: account is disabled",
        "550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416 [416]",
        "552 5.1.1 Boite du destinataire pleine. Recipient overquota. OFR_417 [417]",
        "552 5.2.2 Mailbox size limit exceeded",
        "552 5.2.2 <anna@icloud.test>: user is overquota",
        "552 1 Requested mail action aborted, mailbox not found",
        "550 cuda_nsu 5.1.1 <anna@example.test>... User unknown",
        "550 Invalid recipient <anna@example.test> (#5.1.1)",
        "550 5.1.1 <anna@example.test>: Recipient address rejected: undeliverable address: host mx.example.test[192.0.2.1] said: 550 \
         5.1.1 <anna@example.test>: Recipient address rejected: user unknown",
        "554 5.2.2 <anna@free.test>: Recipient address rejected: Quota exceeded (mailbox for user is full)",
        "501 5.1.3 Invalid address [mx.outlook.test]",
    ];

    const ABOUT_US: &[&str] = &[
        "550 relay not permitted",
        "550 5.7.1 <anna@example.test>: Relay access denied",
        "554 5.7.1 <anna@example.test>: Relay access denied",
        "550 5.7.1 Unable to relay",
        "550 5.7.1 <anna@example.test>... Relaying denied. IP name lookup failed [192.0.2.1]",
        "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
        "550 #5.7.1",
        "554 Relay rejected for policy reasons.",
        "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname",
        "550 5.7.1 <gate>: Helo command rejected: Host not found",
        "554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: cannot find your hostname, [192.0.2.1]",
        "550 5.1.7 Invalid address of the sender",
        "550 5.1.8 <no-reply@example.com>: Sender address rejected: Domain not found",
        "553 5.1.8 <no-reply@example.com>... Domain of sender address no-reply@example.com does not exist",
        "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)",
        "530 5.7.0 Authentication required",
        "530 SMTP authentication is required.",
        "530 user unknown",
        "535 5.7.8 Error: authentication failed",
        "550 Sender verify failed",
        "550 5.7.23 The message was rejected because of Sender Policy Framework violation",
        "550 SPF check failed: no such user may send",
        "550 5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy.",
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        "550 5.7.606 Access denied, banned sending IP [192.0.2.1]",
        "554 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1",
        "550 Rejected by header based manually Blocked Senders - block",
        "554 Email rejected due to security policies",
        "550-Requested action not taken: mailbox unavailable|550 Reject due to policy restrictions.",
        "550-Requested action not taken: mailbox unavailable|550 invalid DNS MX or A/AAAA resource record",
        "550 5.4.5 Daily user sending quota exceeded.",
        "550-5.2.1 The user you are trying to contact is receiving mail at a rate that|550 5.2.1 prevents additional messages from being delivered.",
        "521 5.2.1 example.test accepts no mail",
        // Code and words contradict each other: whichever of them is wrong, the code is not lost for it.
        "550 5.1.1 relaying denied",
        "550 5.1.1 <anna@example.test>: sender blacklisted",
        "550 5.7.1 User unknown",
        "550 5.1.1 (said by mx.example.test: 550 5.7.1 policy)",
        // A relay that cannot resolve a domain, which one within the company can.
        "550 5.1.2 Host or domain name not found",
        "550 5.1.2 <anna@corp.test>: Recipient address rejected: Domain not found",
        "550 5.1.2 <anna@corp.test>... Host unknown (Name server: corp.test: host not found)",
        "511 sorry, can't find a valid MX for rcpt domain (#5.1.1 - chkuser)",
        // What we sent as, or how much.
        "550 Invalid From address",
        "554 The address in the From header is invalid",
        "553 Invalid return address",
        "550 Daily message quota exceeded",
        "550 User no-reply@example.com has exceeded quota: 100 messages per hour",
        "552 5.2.2 Hourly quota exceeded",
        "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
        "554 5.2.3 MailPolicy violation Error delivering to mailboxes",
        "550 5.2.1 <ANNA@EXAMPLE.TEST>... blank mailhost - invalid address, relay=[192.0.2.1]",
        "550 5.2.1 This mailbox has been blocked due to inactivity",
        "552 5.1.1 <anna@example.test> Mailbox delivery failure policy error",
        "550 5.7.1 No such user!",
        "553 you are trying to use me [mx.example.test] as a relay, but I have not been configured to let you do this. (#5.7.1)",
        "550 5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by organization policy",
        "554 5.7.1 [1] Message rejected under suspicion of SPAM; https://ya.cc/1IrBc",
        "550 5.7.64 TenantAttribution; Relay Access Denied",
        "554 Message not allowed - [PH01] Email not accepted for policy reasons.",
        "550-Verification failed for <no-reply@example.com>|550-Response: 550 No such user|550 Sender verify failed",
        // The words do not tell.
        "550 5.5.0 Requested action not taken: mailbox unavailable.",
        "554 delivery error: dd Requested mail action aborted - mta1.mail.yahoo.com",
        "550 5.2.0 <anna@example.test> - Recipient unavailable",
        "550 Mail is rejected by recipients",
        "550",
        "550 no",
        "550 Requested action not taken: mailbox unavailable",
        "550 Unrouteable address",
        "553 5.1.0 Address rejected.",
        "554 transaction failed",
        "552 5.3.4 message too big",
        "550 the host 5.1.1.1 is unhappy",
        "551 User not local; will not forward",
        "571 Delivery not authorized, message refused",
        "250 odd",
    ];

    /// A 5xx that says of itself that it passes.
    const PASSES: &[&str] = &[
        "554 5.7.1 <anna@example.test>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/",
        "550 Graylisting in effect, please come back later",
        "554 Too many connections from your host, please try again later",
        "550 5.7.0 Local problem, try later",
    ];

    #[test]
    fn who_is_at_fault_is_read_from_the_answer() {
        for answer in NO_MAILBOX {
            assert_eq!(judged(Step::Recipient, answer), Final, "{answer}");
            assert_eq!(judged(Step::Message, answer), Final, "{answer}");
            assert_eq!(judged(Step::Relay, answer), RetryElsewhere, "before RCPT nobody speaks of a mailbox: {answer}");
            let passes = format!("4{}", answer.get(1..).unwrap()).replace(" 5.", " 4.");
            assert_eq!(judged(Step::Recipient, &passes), RetryHere, "{passes}");
        }
        for answer in ABOUT_US {
            for step in [Step::Relay, Step::Recipient, Step::Message] {
                assert_eq!(judged(step, answer), RetryElsewhere, "{step:?}: {answer}");
            }
        }
        for answer in PASSES {
            for step in [Step::Relay, Step::Recipient, Step::Message] {
                assert_eq!(judged(step, answer), RetryHere, "{step:?}: {answer}");
            }
        }
        for answer in ["421 4.7.0 try again", "450 4.2.0 Greylisted", "451 4.3.0", "452 4.2.2 full", "454 4.7.0 no TLS"] {
            assert_eq!(judged(Step::Relay, answer), RetryHere, "{answer}");
        }
    }
}
