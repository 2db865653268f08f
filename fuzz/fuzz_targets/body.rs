#![no_main]

#[path = "../judges/body.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::judge(bytes));
