//! The numbers of every region, in the notations that people use there, held against the PyPI package phonenumbers; and the table of
//! numbering plans is what its script makes of that package.

use doorward::base::Country;
use doorward::base::phone::normalise;
use serde::Deserialize;

use crate::support::script;

/// One notation. `number` and `country`: nothing where it is none, or none's.
#[derive(Deserialize, Debug)]
struct Case {
    typed: String,
    prefix: Option<String>,
    number: Option<String>,
    country: Option<String>,
    /// One of the package's own examples; the others are at random.
    example: bool,
}

/// What the script says with these arguments; nothing where its packages are missing.
fn said(arguments: &[&str]) -> Option<String> {
    let mut command = script::environment("tests/peers/number_plans.py")?;
    let output = command.args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    if error.contains("No module named 'phonenumbers'") {
        crate::support::skip("the PyPI package phonenumbers is not installed; tests/run installs it");
        return None;
    }
    assert!(output.status.success(), "{error}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn numbers_of_every_region_are_read_as_phonenumbers_reads_them() {
    let long = std::env::var_os("DOORWARD_LONG").is_some();
    let Some(cases) = said(&["cases", if long { "50" } else { "2" }]) else { return };
    let (mut read, mut doubted, mut wrong) = (0, 0, Vec::new());
    for line in cases.lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        let number = normalise(&case.typed, case.prefix.as_deref());
        let country = case.number.as_deref().and_then(Country::of_number).map(Country::code);
        let same = number.as_deref().ok() == case.number.as_deref();
        // A number at random may be written as another is; it is refused then, and never the other.
        let refused = !case.example && number.is_err();
        if !(same || refused) || (case.number.is_some() && country != case.country.as_deref()) {
            wrong.push(format!("{case:?}: {number:?} {country:?}"));
        }
        read += 1;
        doubted += u32::from(refused && !same);
    }
    wrong.truncate(20);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(read > 20_000 && doubted * 1000 < read, "{doubted} of {read}");
    println!("{read} notations read as phonenumbers reads them; {doubted} of them can be two numbers");
}

#[test]
fn the_table_is_what_its_script_makes() {
    let Some(made) = said(&[]) else { return };
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/base/phone/table.rs");
    assert!(made == std::fs::read_to_string(path).unwrap(), "run tests/peers/number_plans.py >{path}");
}
