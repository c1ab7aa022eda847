//! Files of parameters: values, or diagnostics that point into the text.

use krun_script::given_from_yaml;

pub fn any(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match given_from_yaml(text, "params.yaml") {
        Ok(given) => {
            let again = serde_json::to_string(&given).map(|json| given_from_yaml(&json, "again"));
            // JSON is YAML: what was read is read again as the same.
            if let Ok(Ok(again)) = again {
                assert_eq!(again, given);
            }
        }
        Err(wrong) => {
            assert!(!wrong.items.is_empty());
            for one in &wrong.items {
                assert!(one.place().offset <= text.len(), "{one:?}");
                assert!(text.is_char_boundary(one.place().offset), "{one:?}");
                assert!(one.place().line >= 1 && one.place().column >= 1, "{one:?}");
            }
        }
    }
}
