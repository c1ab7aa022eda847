//! Having a value from where it is: an environment variable, a file, a command.
//!
//! One line break at the end of a file or of what a command prints does not count. Faults name the place
//! and never what was found there; what a command said on standard error is left out too, because nobody
//! knows whether the value is in it.

use std::{process::Stdio, time::Duration};

use krun_model::{
    Fault, FaultCode,
    secret::{PREFIX, SecretSource, SecretString, default_variable},
};
use tokio::{process::Command, time::timeout};
use zeroize::Zeroizing;

/// How long a command may take: a person may have to touch a key or type a pass phrase elsewhere.
const PATIENCE: Duration = Duration::from_secs(120);
/// The largest value, in bytes.
const LARGEST: usize = 1 << 20;

/// The value of a secret.
///
/// # Errors
/// It is not there, is empty, or is no text.
pub async fn value(name: &str, source: &SecretSource) -> Result<SecretString, Fault> {
    let missing = |why: String| missing(name, source, &why);
    let bytes = match source {
        SecretSource::Env(variable) => match std::env::var_os(variable) {
            Some(value) => Zeroizing::new(value.into_encoded_bytes()),
            None => return Err(missing("it is not set".into())),
        },
        SecretSource::File(path) => {
            let read = std::fs::read(path).map_err(|error| missing(error.to_string()))?;
            without_break(read)
        }
        SecretSource::Command(argv) => without_break(run(argv).await.map_err(missing)?),
    };
    if bytes.is_empty() {
        return Err(missing("it is empty".into()));
    }
    if bytes.len() > LARGEST {
        return Err(missing("it is larger than 1 MiB".into()));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| missing("it is not UTF-8".into()))?;
    if text.contains('\0') {
        return Err(missing("it holds a character NUL".into()));
    }
    Ok(text.into())
}

fn without_break(bytes: Vec<u8>) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(bytes);
    for end in [b'\n', b'\r'] {
        if bytes.last() == Some(&end) {
            bytes.pop();
        }
    }
    bytes
}

async fn run(argv: &[String]) -> Result<Vec<u8>, String> {
    let (program, arguments) = argv.split_first().ok_or("it has no words")?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    // The values of others are not for it.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with(PREFIX) {
            command.env_remove(name);
        }
    }
    let output = timeout(PATIENCE, command.output())
        .await
        .map_err(|_| format!("it did not end within {} s", PATIENCE.as_secs()))?
        .map_err(|error| error.to_string())?;
    let stdout = Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(format!("it ended with {}", output.status));
    }
    Ok(stdout.to_vec())
}

fn missing(name: &str, source: &SecretSource, why: &str) -> Fault {
    let fault = Fault::new(
        FaultCode::Secret,
        format!("the value of the secret `{name}` can't be had"),
    )
    .at(source)
    .because(why);
    let fault = match source {
        SecretSource::Env(variable) => fault.hint(format!(
            "Set {variable} in the environment of krun, without writing it on a command line."
        )),
        SecretSource::File(_) => fault.hint("Write the file, for its owner only."),
        SecretSource::Command(_) => fault.hint("Run the command by hand to see what it says."),
    };
    fault.hint(format!(
        "Or say where it is had from: `--secret {name}=env:VARIABLE`, `--secret {name}=file:PATH` or \
         `--secret '{name}=command:PROGRAM ARGUMENTS'`."
    ))
}

/// Where a value is had from if nobody says otherwise.
pub fn default_source(name: &str) -> SecretSource {
    SecretSource::Env(default_variable(name))
}

#[cfg(test)]
mod tests {
    use krun_model::secret::ExposeSecret as _;

    use super::*;

    async fn found(source: SecretSource) -> Result<String, String> {
        let value = value("x", &source).await;
        value
            .map(|value| value.expose_secret().to_owned())
            .map_err(|fault| fault.why.unwrap_or_default())
    }

    fn command(words: &[&str]) -> SecretSource {
        SecretSource::Command(words.iter().map(|&word| word.to_owned()).collect())
    }

    #[tokio::test]
    async fn from_everywhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pw");
        std::fs::write(&path, "from a file\n").unwrap();
        let path = camino::Utf8PathBuf::from_path_buf(path).unwrap();
        assert_eq!(
            found(SecretSource::File(path)).await.unwrap(),
            "from a file"
        );
        let shown = found(command(&["printf", "%s\\n\\n", "$HOME; x"])).await;
        assert_eq!(shown.unwrap(), "$HOME; x\n", "no shell, one line break");
        assert!(
            found(command(&["false"]))
                .await
                .unwrap_err()
                .contains("ended with")
        );
        assert!(
            found(command(&["true"]))
                .await
                .unwrap_err()
                .contains("empty")
        );
        assert!(
            found(SecretSource::Env("KRUN_NO_SUCH".into()))
                .await
                .is_err()
        );
        let failed = found(command(&["sh", "-c", "echo hunter2; exit 1"])).await;
        assert!(!failed.unwrap_err().contains("hunter2"));
    }
}
