//! The thread that listens to a line, so that its owner can wait for the line and for messages to send in one place.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use super::inbox::Event;
use crate::dispatch::at::port::Port;
use crate::dispatch::at::telnet::Telnet;

/// Runs on the listener's thread until the line ends or nobody wants to hear.
pub(super) fn listen(mut port: Box<dyn Port>, mut telnet: Telnet, number: u32, to: &SyncSender<Event>, closing: &AtomicBool) {
    let mut buffer = [0; 512];
    while !closing.load(Ordering::Relaxed) {
        let why = match port.read(&mut buffer) {
            Ok(0) => "the line was closed at the other end".to_owned(),
            Ok(count) => {
                let (plain, answer) = telnet.take(buffer.get(..count).unwrap_or_default());
                let answered = answer.is_empty() || port.write(&answer).is_ok();
                if answered && (plain.is_empty() || send(to, Event::Octets(number, plain), closing)) {
                    continue;
                }
                return;
            }
            Err(error) if matches!(error.kind(), std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock) => continue,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => error.to_string(),
        };
        send(to, Event::Gone(number, why), closing);
        return;
    }
}

/// Waits for a place in the inbox, but not for somebody who waits for us to end.
fn send(to: &SyncSender<Event>, event: Event, closing: &AtomicBool) -> bool {
    use std::sync::mpsc::TrySendError;
    let mut event = event;
    loop {
        match to.try_send(event) {
            Ok(()) => return true,
            Err(TrySendError::Full(back)) if !closing.load(Ordering::Relaxed) => event = back,
            Err(_) => return false,
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
