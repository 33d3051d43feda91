//! What modems say and are told, apart from any one modem: AT lines, refusals, SIM states, and the ways of the bytes.

pub mod lines;
pub(super) mod port;
pub mod refusal;
pub(super) mod sim_state;
pub mod telnet;
pub(super) mod unsolicited;
