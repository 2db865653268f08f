#![no_main]

#[path = "../judges/constraints.rs"]
mod constraints;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| constraints::judge(bytes));
