//! The corpora of the fuzz targets for tokens, keys, limits, bodies and texts.

#[path = "../../../fuzz/judges/body.rs"]
mod body;
#[path = "../../../fuzz/judges/constraints.rs"]
mod constraints;
#[path = "../../../fuzz/corpus.rs"]
mod corpus;
#[path = "../../../fuzz/judges/key_set.rs"]
mod key_set;
#[path = "../../../fuzz/judges/text.rs"]
mod text;
#[path = "../../../fuzz/judges/token.rs"]
mod token;

#[test]
fn every_input_known_to_the_fuzzer_is_judged_without_a_fault() -> std::io::Result<()> {
    corpus::judge_all("token", token::judge)?;
    corpus::judge_all("key_set", key_set::judge)?;
    corpus::judge_all("constraints", constraints::judge)?;
    corpus::judge_all("body", body::judge)?;
    corpus::judge_all("text", text::judge)
}
