#![no_main]

#[path = "../judges/address.rs"]
mod address;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| address::judge(bytes));
