//! The inputs of a target, for the ordinary tests, each of which judges those of its crate's parsers.

use std::path::Path;
use std::{fs, io};

/// Has every input of `target` judged.
pub(crate) fn judge_all(target: &str, judge: fn(&[u8])) -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut count = 0;
    for entry in fs::read_dir(root.join("fuzz/corpus").join(target))? {
        judge(&fs::read(entry?.path())?);
        count += 1;
    }
    assert!(count > 0, "the corpus of {target} is empty");
    Ok(())
}
