//! Generators of files and strings, leaning towards all that a properties file treats specially.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::FileFailurePersistence;

/// A configuration that keeps a failing seed in `proptest-regressions/`.
pub fn config(cases: u32, regressions: &'static str) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(regressions))),
        max_global_rejects: 1_000_000,
        ..ProptestConfig::default()
    }
}

/// A file of weird bytes; most of them parse, some do not.
pub fn file() -> impl Strategy<Value = Vec<u8>> {
    let special = select(&b"\\\\\\\\=:#! \t\x0c\r\n\n\r"[..]);
    let plain = select(&b"abk01unrtf"[..]);
    let snippet = select(
        &[
            "\r\n",
            "\\\r\n",
            "\\\n",
            "\\u0041",
            "\\u000a",
            "\\u00",
            "\\u00\\\n41",
            "\\ud83d\\uDE00",
            "\\uD800",
            "k=",
            "#k=",
            "# a=",
            "\nk ",
            "\na:",
            "caf\u{e9} \u{65e5}",
        ][..],
    );
    let token = prop_oneof![
        8 => special.prop_map(|byte| vec![byte]),
        6 => plain.prop_map(|byte| vec![byte]),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
        3 => snippet.prop_map(|snippet| snippet.as_bytes().to_vec()),
    ];
    let small = vec(token, 0..40).prop_map(|tokens| tokens.concat());
    // Java reads 8192 bytes at a time; nothing may hang on where such a block ends.
    let large = (small.clone(), 8150_usize..8195, small.clone()).prop_map(|(head, fill, tail)| {
        let mut file = head;
        file.extend(std::iter::repeat_n(b'x', fill));
        file.extend(tail);
        file
    });
    prop_oneof![20 => small, 1 => large]
}

/// A key or a value: any string, or one made of what needs care.
pub fn text() -> impl Strategy<Value = String> {
    let special = select(
        &[
            ' ',
            ' ',
            '\t',
            '\n',
            '\r',
            '\x0c',
            '\0',
            '\\',
            '\\',
            '=',
            ':',
            '#',
            '!',
            'u',
            'n',
            'k',
            '\u{7f}',
            '\u{85}',
            '\u{a0}',
            '\u{ff}',
            '\u{100}',
            '\u{2028}',
            '\u{feff}',
            '\u{fffd}',
            '\u{1f600}',
            '\u{10ffff}',
        ][..],
    );
    prop_oneof![
        4 => vec(special, 0..8).prop_map(|characters| characters.into_iter().collect()),
        2 => "[ak]",
        1 => "[a-z.]{1,12}",
        1 => any::<String>(),
    ]
}
