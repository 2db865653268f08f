#![no_main]

#[path = "../judges/token.rs"]
mod token;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| token::judge(bytes));
