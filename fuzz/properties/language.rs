//! Languages: whatever a browser says, what is spoken is one that the operator offers.

use doorward::base::Language;
use doorward::base::language::choose;

/// `Accept-Language`; after a line break, what the user prefers, in the same form.
pub fn holds(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (accept, user) = text.split_once('\n').map_or((text.as_ref(), None), |(accept, user)| (accept, Some(user)));
    let all: Vec<Language> = Language::all().collect();
    for offered in all.iter().map(|language| vec![*language]).chain([all.clone(), Vec::new()]) {
        let chosen = choose(user, Some(accept), &offered);
        assert!(offered.contains(&chosen) || offered.is_empty(), "{chosen} was not offered");
        assert!(all.contains(&chosen));
        if let Some(own) = user.and_then(Language::preferred).filter(|own| offered.contains(own)) {
            assert_eq!(chosen, own, "the user's own language goes first");
        }
    }
    assert_eq!(choose(user, None, &[]), user.and_then(Language::preferred).unwrap_or(Language::ENGLISH));
}
