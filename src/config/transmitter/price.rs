//! `price` and `prices` of `[[transmitter]]`: what a message costs, for the figures.

use crate::base::Country;

use crate::config::document::{Field, Section};

/// Of one transmitter, in millionths of whatever money the operator counts in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Prices {
    /// Where `countries` says nothing else. Absent: not known.
    pub usual: Option<u64>,
    pub countries: Vec<(Country, u64)>,
}

/// Nobody pays more for a message, and sums of these stay exact.
const HIGHEST: f64 = 1000.0;
const MILLIONTHS: f64 = 1e6;

impl Prices {
    pub(in crate::config) fn read(section: &Section<'_>) -> Self {
        let usual = section.optional("price").and_then(price);
        let table = section.optional("prices").and_then(Field::section);
        let countries = table.iter().flat_map(Section::entries).filter_map(|entry| country(entry).zip(price(entry)));
        Self { usual, countries: countries.collect() }
    }

    /// Of one message to this country (none: the number belongs to none, or it is no number); nothing where it is not known.
    pub fn of(&self, country: Option<Country>) -> Option<u64> {
        let listed = self.countries.iter().find(|(listed, _)| Some(*listed) == country);
        listed.map(|(_, price)| *price).or(self.usual)
    }
}

fn country(entry: Field<'_>) -> Option<Country> {
    let country = Country::named(entry.key);
    if country.is_none() {
        entry.key_problem(format!("`{}`: expected a country of ISO 3166 like \"DK\"", entry.key));
    }
    country
}

fn price(field: Field<'_>) -> Option<u64> {
    let price = field.decimal(0.0, HIGHEST)?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "its range was looked at")]
    Some((price * MILLIONTHS).round() as u64)
}

#[cfg(test)]
mod tests {
    use crate::base::Country;
    use crate::config::tests::{messages, parsed, with};

    fn priced(keys: &str) -> String {
        let own = "[[transmitter]]\nname = \"own\"\nkind = \"program\"\ncommand = [\"/bin/true\"]";
        with("[[dispatch", &format!("{own}\n{keys}\n[[dispatch"))
    }

    #[test]
    fn a_country_has_its_own_price_or_the_usual_one() {
        let config = parsed(&priced("price = 0.06\nprices = { DK = 0.0349, SE = 1 }")).unwrap();
        let prices = &config.transmitters.iter().find(|listed| &*listed.name == "own").unwrap().prices;
        let of = |code| prices.of(Country::named(code));
        assert_eq!((of("DK"), of("SE"), of("NO"), prices.of(None)), (Some(34_900), Some(1_000_000), Some(60_000), Some(60_000)));
        let config = parsed(&priced("")).unwrap();
        assert_eq!(config.transmitters.last().unwrap().prices.of(Country::named("DK")), None);
    }

    #[test]
    fn what_is_no_price_is_refused() {
        for (keys, words) in [
            ("price = \"0.06\"", "`price`: expected a number from 0 to 1000"),
            ("price = -0.1", "a number from 0 to 1000"),
            ("price = nan", "a number from 0 to 1000"),
            ("price = 1000.5", "a number from 0 to 1000"),
            ("prices = 0.1", "a table"),
            ("prices = { XX = 0.1 }", "expected a country of ISO 3166 like \"DK\""),
            ("prices = { DK = true }", "a number from 0 to 1000"),
        ] {
            let said = messages(&priced(keys));
            assert!(said.iter().any(|said| said.contains(words)), "{keys}: {said:?}");
        }
    }
}
