#![no_main]

#[path = "../judges/text.rs"]
mod text;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| text::judge(bytes));
