//! Tables for people: a heading, and columns as wide as what is in them.

use crate::error::harmless;

/// Lays out rows under a heading. The last column is as wide as it likes.
pub(crate) fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let rows = rows.iter().map(|row| row.each_ref().map(|it| harmless(it)));
    let mut lines = vec![heading.map(str::to_owned)];
    lines.extend(rows);
    let width = |column: usize| {
        let cells = lines.iter().map(|line| line[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: &[String; N]| {
        let padded = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_texts_are_made_harmless() {
        let rows = [
            ["a".to_owned(), "\u{1b}[31mfirst\nsecond".to_owned()],
            ["längerer".to_owned(), "x".to_owned()],
        ];
        insta::assert_snapshot!(table(["NAME", "DESCRIPTION"], &rows), @r"
        NAME      DESCRIPTION
        a         [31mfirst second
        längerer  x
        ");
    }
}
