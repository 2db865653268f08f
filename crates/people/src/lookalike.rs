//! Names that look like other names (AAP §8.10): an app calls itself what it likes, and some like to be taken for
//! somebody they are not.
//!
//! Scope: letters of the Latin, Greek and Cyrillic scripts, Armenian in part, digits, and the full-width and
//! mathematical forms of letters, as far as common typefaces draw them alike. It is a small table of our own and not
//! the whole of Unicode's; it makes a warning, never a decision.

/// Whether `name` can be taken for `brand`, or for something that belongs to it: the brand's letters, or letters
/// drawn like them, stand in it as words of their own.
pub fn resembles(name: &str, brand: &str) -> bool {
    let brand = skeleton_words(brand).concat();
    if brand.chars().count() < SHORTEST {
        return false;
    }
    let words = skeleton_words(name);
    // `Pay Pal` and `Pay-Pal` are read like `PayPal`, so neighbours are looked at together.
    (0..words.len()).any(|from| {
        let mut joined = String::new();
        words[from..].iter().any(|word| {
            joined.push_str(word);
            joined == brand
        })
    })
}

/// Whether letters of several alphabets stand in one word, which hardly any language does.
pub fn mixes_alphabets(name: &str) -> bool {
    let words = name.split(|c: char| !c.is_alphabetic());
    words.into_iter().any(|word| {
        Alphabet::all_of(word)
            .windows(2)
            .any(|two| two[0] != two[1])
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Alphabet {
    Latin,
    Greek,
    Cyrillic,
    Armenian,
}

impl Alphabet {
    /// The alphabets of those letters that belong to one that is told apart here.
    fn all_of(word: &str) -> Vec<Self> {
        let of = |c| match c {
            'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => {
                Some(Self::Latin)
            }
            '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Some(Self::Greek),
            '\u{400}'..='\u{52f}' => Some(Self::Cyrillic),
            '\u{531}'..='\u{587}' => Some(Self::Armenian),
            _ => None,
        };
        word.chars().filter_map(of).collect()
    }
}

/// The words of a text with every letter replaced by the plain one it looks like. Letters that look like no plain
/// one stay.
fn skeleton_words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in text.chars().map(plain) {
        let lower = c.to_lowercase().map(plain);
        match words.last_mut() {
            Some(word) if c.is_alphanumeric() => word.extend(lower.map(drawn_alike)),
            _ => words.push(String::new()),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The plain letter that looks like `c`.
fn plain(c: char) -> char {
    let by_block = match c {
        // Full-width forms repeat the printable ASCII characters in order.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        // Mathematical alphabets, each fifty-two letters long.
        '\u{1d400}'..='\u{1d6a3}' => {
            let place = u8::try_from((u32::from(c) - 0x1_d400) % 52).unwrap_or_default();
            Some(char::from(if place < 26 {
                b'A' + place
            } else {
                b'a' + place - 26
            }))
        }
        _ => None,
    };
    let in_table = LOOK_ALIKES
        .iter()
        .find(|(_, group)| group.contains(c))
        .map(|(plain, _)| *plain);
    by_block.or(in_table).unwrap_or(c)
}

/// Plain characters that many typefaces draw alike, as one of them.
fn drawn_alike(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | 'i' => 'l',
        '5' => 's',
        other => other,
    }
}

/// Letters by the plain one they look like.
const LOOK_ALIKES: [(char, &str); 31] = [
    ('a', "аɑαàáâãäåāăąǎ"),
    ('b', "Ьƅ"),
    ('c', "сϲçćĉċč"),
    ('d', "ԁďđ"),
    ('e', "еёєéèêëēĕėęěҽ"),
    ('g', "ɡğĝġģց"),
    ('h', "һհĥħ"),
    ('i', "іїıíìîïīĭįɩι"),
    ('j', "јĵϳ"),
    ('k', "κкķĸ"),
    ('l', "ӏĺļľŀłǀ"),
    ('n', "ոñńņňη"),
    ('o', "оοօóòôõöøōŏőσ"),
    ('p', "рρ"),
    ('q', "ԛզ"),
    ('r', "гŕŗř"),
    ('s', "ѕśŝşšș"),
    ('t', "тţťŧτț"),
    ('u', "υսúùûüũūŭůűų"),
    ('v', "νѵ"),
    ('w', "ԝѡŵω"),
    ('x', "хχ"),
    ('y', "уүýÿŷγ"),
    ('z', "źżž"),
    ('A', "АΑÀÁÂÃÄÅ"),
    ('B', "ВΒ"),
    ('E', "ЕΕÈÉÊË"),
    ('H', "НΗ"),
    ('M', "МмΜ"),
    ('O', "ОΟÒÓÔÕÖØ"),
    ('P', "РΡ"),
];

/// A brand of fewer letters would be found in too many names.
const SHORTEST: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    // AA-8.10-04
    #[test]
    fn a_name_that_can_be_read_as_the_brand_is_found() {
        for name in [
            "PayPal",
            "paypal support",
            "The Pay Pal helper",
            "Рaypal",
            "РАУРАL",
            "paypa\u{04cf}",
            "Paypa1",
            "ＰａｙＰａｌ",
            "\u{1d40f}\u{1d41a}\u{1d432}\u{1d40f}\u{1d41a}\u{1d425}",
            "PAYPAĹ (official)",
        ] {
            assert!(resembles(name, "PayPal"), "{name}");
        }
    }

    // AA-8.10-04
    #[test]
    fn a_name_that_merely_shares_letters_is_not() {
        for (name, brand) in [
            ("Paypalooza", "PayPal"),
            ("Payroll", "PayPal"),
            ("Helper", "PayPal"),
            ("", "PayPal"),
            ("Go", "Go"),
            ("Банк помощник", "PayPal"),
        ] {
            assert!(!resembles(name, brand), "{name}");
        }
    }

    // AA-8.10-04
    #[test]
    fn letters_of_two_alphabets_in_one_word_are_noticed() {
        for (name, expected) in [
            ("Bаnk", true),
            ("Ηelper", true),
            ("Bank Банк", false),
            ("Zoë’s 你好 helper", false),
            ("Помощник-bot", false),
            ("", false),
        ] {
            assert_eq!(mixes_alphabets(name), expected, "{name}");
        }
    }

    #[test]
    fn every_letter_of_the_table_stands_once() {
        let mut seen = std::collections::BTreeSet::new();
        for c in LOOK_ALIKES.iter().flat_map(|(_, group)| group.chars()) {
            assert!(seen.insert(c), "{c}");
            assert!(!c.is_ascii(), "{c}");
        }
    }
}
