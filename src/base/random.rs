//! The one place where randomness is made.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// A source of random bytes. Tests may steer it; everything else uses [`SystemSource`].
pub trait Random: Send + Sync {
    /// Fills the whole slice.
    fn fill(&self, bytes: &mut [u8]);
}

/// The machine's cryptographic generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemSource;

impl Random for SystemSource {
    fn fill(&self, bytes: &mut [u8]) {
        #[expect(clippy::expect_used, reason = "without randomness nothing that follows is safe; ending this request is right")]
        SystemRandom::new().fill(bytes).expect("the system's random source failed");
    }
}

impl dyn Random + '_ {
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A number below `bound`, every one equally likely (by rejection). `bound` of zero counts as one.
    pub fn below(&self, bound: u32) -> u32 {
        let bound = bound.max(1);
        let fair = u32::MAX - u32::MAX % bound;
        loop {
            let number = u32::from_be_bytes(self.bytes());
            if number < fair {
                return number % bound;
            }
        }
    }
}
