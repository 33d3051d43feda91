//! What a handler keeps of a connection.

/// What a handler keeps of a connection, as far as the connection wants to know.
pub trait Kept {
    /// Whether one of its answers has had no window for too long (HTTP/2): then the connection ends, as nothing less ends the answer.
    fn is_stuck(&self) -> bool {
        false
    }
}

impl Kept for () {}
