//! Distinguished names (RFC 4514) and the one comparison of them (distinguishedNameMatch, RFC 4517 section 4.2.15): two spellings of
//! one name are equal, whoever wrote them. Attribute names count by their short name, long name or number, values as RFC 4518 prepares them.

mod attribute;
mod syntax;
pub mod text;

use std::fmt;

pub use syntax::DnError;

/// A distinguished name. `==`, `Hash` and [`Dn::is_within`] compare what is meant; `Display` writes it as every server reads it, letters in
/// the case that they were written in.
#[derive(Clone)]
pub struct Dn {
    /// From the entry up to the root. Never empty.
    parts: Vec<Part>,
}

/// One relative distinguished name: most often one attribute, in order where there are several.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Part(Vec<Pair>);

#[derive(Clone)]
struct Pair {
    /// As servers know it: `cn`, or a number where we know no name.
    kind: String,
    value: String,
    /// The value as it is compared.
    prepared: String,
}

impl Dn {
    /// Takes the spellings of RFC 4514 and those before it (RFC 2253, RFC 1779): blanks around separators, `;`, quoted values, `OID.2.5.4.3`.
    /// At most 8,192 bytes.
    pub fn parse(text: &str) -> Result<Self, DnError> {
        let parts = syntax::parse(text)?.into_iter().map(Part::new).collect();
        Ok(Self { parts })
    }

    /// Whether this is `base` or an entry below it.
    pub fn is_within(&self, base: &Self) -> bool {
        self.parts.ends_with(&base.parts)
    }

    /// Where the tree of this name begins: its trailing `dc` parts, else its last part.
    pub fn root(&self) -> Self {
        let components = self.parts.iter().rev().take_while(|part| part.is_domain_component()).count().max(1);
        let parts = self.parts.iter().skip(self.parts.len().saturating_sub(components)).cloned().collect();
        Self { parts }
    }
}

impl PartialEq for Dn {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl Eq for Dn {}

impl std::hash::Hash for Dn {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.parts.hash(state);
    }
}

impl Part {
    fn new(written: Vec<(String, String)>) -> Self {
        let mut pairs: Vec<Pair> = written.into_iter().map(|(kind, value)| Pair::new(&kind, &value)).collect();
        pairs.sort_by(|one, other| one.compared().cmp(&other.compared()));
        pairs.dedup();
        Self(pairs)
    }

    fn is_domain_component(&self) -> bool {
        matches!(self.0.as_slice(), [only] if only.kind == attribute::DOMAIN_COMPONENT)
    }
}

impl Pair {
    fn new(kind: &str, value: &str) -> Self {
        Self { kind: attribute::short(kind), value: text::composed(value), prepared: text::prepared(value) }
    }

    fn compared(&self) -> (&str, &str) {
        (&self.kind, &self.prepared)
    }
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.compared() == other.compared()
    }
}

impl Eq for Pair {}

impl std::hash::Hash for Pair {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.compared().hash(state);
    }
}

/// RFC 4514 section 2, without blanks.
impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, part) in self.parts.iter().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            for (place, pair) in part.0.iter().enumerate() {
                let sign = if place > 0 { "+" } else { "" };
                write!(f, "{sign}{}={}", pair.kind, syntax::escaped(&pair.value))?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dn({self})")
    }
}

#[cfg(test)]
mod tests;
