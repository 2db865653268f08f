//! The corpus of the fuzz target for discovery documents.

#[path = "../../../fuzz/corpus.rs"]
mod corpus;
#[path = "../../../fuzz/judges/discovery.rs"]
mod discovery;

#[test]
fn every_input_known_to_the_fuzzer_is_judged_without_a_fault() -> std::io::Result<()> {
    corpus::judge_all("discovery", discovery::judge)
}
