//! `[keys]`: what Doorward seals with. `seal = [{ id = "k1", secret = { file = "..." } }]`: the first seals, all open. A secret
//! is at least 32 bytes (64 hexadecimal digits count as 32 bytes). Type: `crate::base::keys::SealKey`.
