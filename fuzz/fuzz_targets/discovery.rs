#![no_main]

#[path = "../judges/discovery.rs"]
mod discovery;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| discovery::judge(bytes));
