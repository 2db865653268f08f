//! Argument names: one for each parameter and each member of the body.

use std::collections::BTreeSet;

/// The names given out so far.
#[derive(Debug, Default)]
pub(super) struct ArgumentNames(BTreeSet<String>);

impl ArgumentNames {
    /// The wanted name; if it is taken, the place in front of it; if that is taken too, with a number behind.
    pub(super) fn allot(&mut self, wanted: &str, place: &str) -> String {
        let with_place = format!("{place}_{wanted}");
        let numbered = (2..).map(|count| format!("{with_place}_{count}"));
        let mut candidates = [wanted.to_owned(), with_place.clone()]
            .into_iter()
            .chain(numbered);
        let free = candidates.find(|name| !self.0.contains(name));
        let name = free.unwrap_or(with_place);
        self.0.insert(name.clone());
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_name_gets_its_place_in_front() {
        let mut names = ArgumentNames::default();
        assert_eq!(names.allot("id", "path"), "id");
        assert_eq!(names.allot("id", "query"), "query_id");
        assert_eq!(names.allot("id", "query"), "query_id_2");
        assert_eq!(names.allot("body", "body"), "body");
    }
}
