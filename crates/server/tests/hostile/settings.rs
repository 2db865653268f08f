//! The corpus of the fuzz target for the configuration.

#[path = "../../../../fuzz/judges/config.rs"]
mod config;
#[path = "../../../../fuzz/corpus.rs"]
mod corpus;

#[test]
fn every_configuration_known_to_the_fuzzer_is_judged_without_a_fault() -> std::io::Result<()> {
    corpus::judge_all("config", config::judge)
}
