//! What no passcode may hold: a user may have to read it out. Rude, sexual and hateful words of the languages around the North Sea,
//! the Baltic, the Mediterranean and the Black Sea, as far as syllables of a consonant and a vowel, or consonants alone, can spell them.

/// Anywhere within.
const WITHIN: &[&str] = &[
    // English, and what is understood everywhere.
    "sex", "fag", "gay", "homo", "lesb", "rape", "nazi", "kike", "dago", "paki", "niga", "nege", "pedo", "penis", "semen", "tit",
    "poop", "pipi", "pupu", "kaka", "dike", "hitle", "jihad", // Danish, Norwegian, Swedish, Finnish.
    "luder", "kuk", "fita", "rov", "pik", "vitu", "pilu", "muna", "kusi", "hora", "hore", // German, Dutch.
    "hure", "nute", "foze", "fut", "pimel", "lul", "kut", "hoer", "mof",
    // French, Spanish, Portuguese, Italian, Romanian.
    "bite", "pute", "pede", "puta", "puto", "pola", "tet", "kono", "kona", "figa", "fika", "kulo", "kazo", "pula", "muie",
    "pizda", "merda", // Polish, Czech, Croatian, Serbian, Hungarian.
    "dupa", "kurav", "huj", "jeb", "pika", "kurat", "gezi", "pina", "buzi", "buze",
    // Russian, Ukrainian, Bulgarian, in Latin letters.
    "hui", "suka", "suke", "suki", "pido", "mudak", "mude", "zopa", "zalup", // Turkish, Arabic, Greek.
    "sik", "got", "zib", "zob", "nik", "kus", "gamo", "malaka", // Consonants alone.
    "fck", "fkk", "kkk", "dck", "cnt", "btch", "sht", "wtf", "ngr", "fgt", "nsdp", "rpt", "prn", "bdsm", "krv", "pzd",
];

/// Whether a user would rather not read it aloud. Case does not matter.
pub fn is_rude(code: &str) -> bool {
    let code = code.to_ascii_lowercase();
    WITHIN.iter().any(|word| code.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_wants_to_read_out_is_found_wherever_it_stands() {
        for code in ["puta2345", "baputa47", "SEXBCD", "BFCKDF", "luderi22", "kikedu99"] {
            assert!(is_rude(code), "{code}");
        }
        for code in ["482913", "bokadu47", "BDFGHK", "venora62", "tirulo28"] {
            assert!(!is_rude(code), "{code}");
        }
    }
}
