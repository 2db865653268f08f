//! Addresses of filtered lists.

use url::form_urlencoded::Serializer;

/// The query with these values, without the empty ones.
pub(super) fn query(values: &[(&str, &str)]) -> String {
    let mut query = Serializer::new(String::new());
    query.extend_pairs(values.iter().filter(|(_, value)| !value.is_empty()));
    format!("?{}", query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_for_is_kept_as_it_was() {
        let values = [("name", "a&b=ü"), ("status", ""), ("after", "agt_1")];
        assert_eq!(query(&values), "?name=a%26b%3D%C3%BC&after=agt_1");
    }
}
