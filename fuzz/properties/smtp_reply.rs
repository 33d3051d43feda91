//! What a relay answers, in any bytes: answers are the same however they come, hold nothing that a log could not, and each refusal is
//! somebody's fault.

use doorward::dispatch::FailureKind;
use doorward::dispatch::smtp::blame::{Step, blame};
use doorward::dispatch::smtp::reply::{LONGEST, MOST_LINES, Parser};

pub fn holds(data: &[u8]) {
    let mut parser = Parser::default();
    for byte in data {
        let Ok(reply) = parser.take(*byte) else { return };
        let Some(reply) = reply else { continue };
        assert!((200..600).contains(&reply.code) && (1..=MOST_LINES).contains(&reply.lines.len()), "{reply:?}");
        assert!(reply.lines.iter().all(|line| line.len() <= 3 * LONGEST && !line.contains(char::is_control)), "{reply:?}");
        assert!(reply.words().starts_with(&reply.code.to_string()), "{reply:?}");
        for step in [Step::Relay, Step::Recipient, Step::Message] {
            let kind = blame(step, &reply);
            // Whatever it says: nothing but a refusal for good at the recipient ends an address.
            assert!(kind != FailureKind::Final || (reply.code >= 500 && step != Step::Relay), "{step:?} {reply:?}");
            assert_eq!(kind == FailureKind::RetryHere, (400..500).contains(&reply.code), "{step:?} {reply:?}");
        }
    }
}
