#![no_main]

#[path = "../judges/key_set.rs"]
mod key_set;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| key_set::judge(bytes));
