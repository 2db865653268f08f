#![no_main]

#[path = "../judges/config.rs"]
mod config;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| config::judge(bytes));
