//! Properties files: untouched bytes stay as they are, and what is set is read back.

use krun_properties::Document;

pub fn any(bytes: &[u8]) {
    let Ok(mut document) = Document::parse(bytes) else {
        return;
    };
    assert_eq!(document.to_bytes(), bytes, "reading changes nothing");
    let before = document.effective();
    let key = before.keys().next().cloned().unwrap_or("a.b".to_owned());
    // Values are words of the file itself, so that escapes come back too.
    let value = before.values().last().cloned().unwrap_or_default() + " \\=:#é\n";
    document.set(&key, &value);
    let written = document.to_bytes();
    let again = match Document::parse(&written) {
        Ok(again) => again,
        Err(error) => panic!("what was written can't be read: {error:?}"),
    };
    let mut wanted = before;
    wanted.insert(key.clone(), value);
    assert_eq!(again.effective(), wanted);
    document.remove(&key);
    wanted.remove(&key);
    assert_eq!(document.effective(), wanted);
}
