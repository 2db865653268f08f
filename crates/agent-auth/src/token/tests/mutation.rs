//! A token that differs from what was signed, in whatever way, proves nothing.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// One way to change a text.
#[derive(Clone, Debug)]
enum Mutation {
    Replace(Index, char),
    Insert(Index, char),
    Remove(Index),
    Swap(Index, Index),
    Cut(Index),
    Repeat(Index),
}

impl Mutation {
    fn of(&self, text: &str) -> String {
        let mut chars: Vec<char> = text.chars().collect();
        let last = chars.len();
        if last == 0 {
            return String::new();
        }
        match self {
            Self::Replace(at, to) => chars[at.index(last)] = *to,
            Self::Insert(at, new) => chars.insert(at.index(last + 1), *new),
            Self::Remove(at) => drop(chars.remove(at.index(last))),
            Self::Swap(one, other) => chars.swap(one.index(last), other.index(last)),
            Self::Cut(at) => chars.truncate(at.index(last)),
            Self::Repeat(at) => chars.extend_from_within(at.index(last)..),
        }
        chars.into_iter().collect()
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let letter = || {
        prop_oneof![
            4 => proptest::char::ranges(vec!['A'..='Z', 'a'..='z', '0'..='9'].into()),
            1 => proptest::sample::select(vec!['-', '_', '.', '=', '+', '/', ' ', '\n', '\0', 'é']),
        ]
    };
    prop_oneof![
        4 => (any::<Index>(), letter()).prop_map(|(at, to)| Mutation::Replace(at, to)),
        1 => (any::<Index>(), letter()).prop_map(|(at, new)| Mutation::Insert(at, new)),
        1 => any::<Index>().prop_map(Mutation::Remove),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Mutation::Swap(one, other)),
        1 => any::<Index>().prop_map(Mutation::Cut),
        1 => any::<Index>().prop_map(Mutation::Repeat),
    ]
}

proptest! {
    // AA-4.5-08, AA-4.5.1-05
    #[test]
    fn a_mutated_token_never_verifies(mutations in proptest::collection::vec(mutation(), 1..4)) {
        let mutate = |good: &str| mutations.iter().fold(good.to_owned(), |text, by| by.of(&text));
        let server = Server::new();
        let agents = Draft::agent().text();
        let bad = mutate(&agents);
        prop_assert!(bad == agents || server.verify_agent(&bad).is_err(), "{}", bad);
        let hosts = Draft::host().text();
        let bad = mutate(&hosts);
        for host in [Some(&server.host), None] {
            let verified = server.verify_host(&bad, host, Standing::NotEnded);
            prop_assert!(bad == hosts || verified.is_err(), "{}", bad);
        }
    }
}

/// Every part of one good token with every part of another, both by the same signer.
// AA-4.5-08
#[test]
fn parts_of_two_good_tokens_do_not_make_a_third() {
    let one = Draft::agent().text();
    let other = Draft::agent()
        .claim("jti", "a-2")
        .header("kid", "another")
        .text();
    let parts = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    let both = [parts(&one), parts(&other)];
    for choice in 0..8_usize {
        let pick = |part: usize| both[choice >> part & 1][part].as_str();
        let text = [pick(0), pick(1), pick(2)].join(".");
        let genuine = text == one || text == other;
        assert_eq!(Server::new().verify_agent(&text).is_ok(), genuine);
    }
}
