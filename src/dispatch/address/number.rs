//! Numbers and mailboxes as the journal and the pages show them: masked. How a number is read stands in [`crate::base::phone`].

pub use crate::base::phone::{NumberError, national, normalise};

/// `•••• 12`: the last two digits.
pub fn mask_number(number: &str) -> String {
    format!("•••• {}", ending(number, USUAL_ENDING))
}

/// With as many digits as tell it from the person's other numbers, four at most.
pub fn mask_among<'a>(number: &str, others: impl Iterator<Item = &'a str> + Clone) -> String {
    let differs =
        |length: &usize| others.clone().all(|other| other == number || ending(other, *length) != ending(number, *length));
    let length = (USUAL_ENDING..=LONGEST_ENDING).find(differs).unwrap_or(USUAL_ENDING);
    format!("•••• {}", ending(number, length))
}

fn ending(number: &str, length: usize) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    digits.get(digits.len().saturating_sub(length)..).unwrap_or_default().iter().collect()
}

const USUAL_ENDING: usize = 2;
const LONGEST_ENDING: usize = 4;

/// `a•••@example.com`; of a local part of one letter nothing is shown.
pub fn mask_mail(mail: &str) -> String {
    let Some((local, domain)) = mail.rsplit_once('@') else { return "•••".to_owned() };
    let mut letters = local.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(_)) => format!("{first}•••@{domain}"),
        _ => format!("•••@{domain}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_show_no_more_than_they_should() {
        let numbers = [("+4512345678", "•••• 78"), ("", "•••• "), ("+4", "•••• 4")];
        for (given, masked) in numbers {
            assert_eq!(mask_number(given), masked);
        }
        let mails = [
            ("anna@example.com", "a•••@example.com"),
            ("a@example.com", "•••@example.com"),
            ("@x", "•••@x"),
            ("æble@x.dk", "æ•••@x.dk"),
            ("odd", "•••"),
        ];
        for (given, masked) in mails {
            assert_eq!(mask_mail(given), masked);
        }
    }
}
