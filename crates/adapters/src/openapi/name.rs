//! Capability names (AAP §2.14): `[a-z0-9_]+`, the same for the same operation, whatever else is in the description.

use std::collections::BTreeMap;

use procura_keys::digest::sha256;

/// The name an operation has before collisions: from its id, else from method and path.
pub(crate) fn of_operation(id: Option<&str>, method: &str, path: &str) -> String {
    let from_id = id.map(snake_case).unwrap_or_default();
    let name = if from_id.is_empty() {
        snake_case(&format!("{}_{path}", method.to_ascii_lowercase()))
    } else {
        from_id
    };
    if name.len() > MAX_LENGTH {
        let suffix = suffix(method, path);
        return format!("{}_{suffix}", &name[..MAX_LENGTH - suffix.len() - 1]);
    }
    name
}

/// Tells apart operations of one name: each of them gets a suffix that depends on its method and path alone, so
/// that neither order nor neighbours matter. Gives back the names in the given order.
pub(crate) fn told_apart<'o>(names: &[(String, &'o str, &'o str)]) -> Vec<String> {
    let mut counts = BTreeMap::new();
    for (name, _, _) in names {
        *counts.entry(name.as_str()).or_insert(0) += 1;
    }
    let distinct = |(name, method, path): &(String, &str, &str)| {
        if counts.get(name.as_str()) == Some(&1) {
            name.clone()
        } else {
            format!("{name}_{}", suffix(method, path))
        }
    };
    names.iter().map(distinct).collect()
}

/// Words in lower case, joined by underscores: `listPets`, `repos/list-for-org`, `HTTPServer2`.
pub(crate) fn snake_case(text: &str) -> String {
    let mut out = String::new();
    let mut before = ' ';
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let next_is_lower = letters.peek().is_some_and(char::is_ascii_lowercase);
        let begins_word = letter.is_ascii_uppercase()
            && (before.is_ascii_lowercase()
                || before.is_ascii_digit()
                || (before.is_ascii_uppercase() && next_is_lower));
        if letter.is_ascii_alphanumeric() {
            if begins_word && !out.ends_with('_') {
                out.push('_');
            }
            out.push(letter.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        before = letter;
    }
    out.trim_matches('_').to_owned()
}

fn suffix(method: &str, path: &str) -> String {
    let digest = sha256(format!("{} {path}", method.to_ascii_uppercase()).as_bytes());
    format!("{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2])
}

/// Short enough to read; names may have 128 bytes.
const MAX_LENGTH: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    // AA-2.14-01
    #[test]
    fn names_are_words_in_lower_case() {
        for (id, expected) in [
            ("listPets", "list_pets"),
            ("repos/list-for-org", "repos_list_for_org"),
            ("getHTTPServer2Info", "get_http_server2_info"),
            ("__Odd  Id__", "odd_id"),
            ("v1.Pod:read", "v1_pod_read"),
            ("größe", "gr_e"),
        ] {
            assert_eq!(of_operation(Some(id), "get", "/x"), expected);
        }
        for id in [None, Some(""), Some("データ")] {
            assert_eq!(
                of_operation(id, "get", "/pets/{petId}/toys"),
                "get_pets_pet_id_toys"
            );
        }
    }

    #[test]
    fn a_long_name_is_cut_and_stays_unlike_its_neighbours() {
        let id = "a".repeat(300);
        let one = of_operation(Some(&id), "get", "/x");
        let other = of_operation(Some(&id), "get", "/y");
        assert_eq!((one.len(), one == other), (100, false));
    }

    #[test]
    fn names_that_collide_depend_on_their_operation_alone() {
        let a = ("get_x".to_owned(), "get", "/x");
        let b = ("get_x".to_owned(), "post", "/x");
        let c = ("other".to_owned(), "get", "/y");
        let forward = told_apart(&[a.clone(), b.clone(), c.clone()]);
        let backward = told_apart(&[c, b, a]);
        assert_eq!(forward[0], backward[2]);
        assert_eq!(forward[1], backward[1]);
        assert_ne!(forward[0], forward[1]);
        assert!(forward[0].starts_with("get_x_"));
        assert_eq!(forward[2], "other");
    }
}
