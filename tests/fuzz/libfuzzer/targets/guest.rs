#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| krun_fuzz::target("guest")(bytes));
