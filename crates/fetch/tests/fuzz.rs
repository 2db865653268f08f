//! The corpus of the fuzz target for addresses.
#![expect(clippy::panic, reason = "a fault is told by panicking")]

#[path = "../../../fuzz/judges/address.rs"]
mod address;
#[path = "../../../fuzz/corpus.rs"]
mod corpus;

#[test]
fn every_input_known_to_the_fuzzer_is_judged_without_a_fault() -> std::io::Result<()> {
    corpus::judge_all("address", address::judge)
}
