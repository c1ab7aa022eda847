//! The configuration that a server reads: as Java reads it, so that a comment is no difference.

use camino::Utf8Path;
use krun_model::{
    Fault, FaultCode, Map, ReadHost, Secrets,
    secret::{HIDDEN, is_secret_key},
};
use krun_properties::Document;

/// The settings of a properties file; none where the file is not there.
///
/// # Errors
/// A file that Java would refuse.
pub async fn effective(host: &dyn ReadHost, path: &Utf8Path) -> Result<Option<Map<String>>, Fault> {
    let Some(bytes) = host.read(path).await? else {
        return Ok(None);
    };
    let document = Document::parse(&bytes).map_err(|error| {
        Fault::new(FaultCode::Conflict, "the properties file can't be read")
            .at(path)
            .because(error)
            .hint("Correct the line; Java would refuse it too.")
    })?;
    Ok(Some(document.effective()))
}

/// The settings that may be shown and remembered: those whose key does not say that it is a secret.
/// In place of a value in which a secret stands that krun knows, it says so.
pub fn showable(settings: &Map<String>, secrets: &dyn Secrets) -> Map<String> {
    let shown = |value: &String| match secrets.is_in(value) {
        true => HIDDEN.to_owned(),
        false => value.clone(),
    };
    settings
        .iter()
        .filter(|(key, _)| !is_secret_key(key))
        .map(|(key, value)| (key.clone(), shown(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stay_out() {
        let settings = [
            ("broker.id", "1"),
            ("ssl.keystore.password", "x"),
            ("listener.name.a.sasl.jaas.config", "x"),
        ];
        let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let shown = showable(&settings.into(), &krun_model::secret::NoSecrets);
        assert_eq!(shown.keys().collect::<Vec<_>>(), ["broker.id"]);
    }
}
