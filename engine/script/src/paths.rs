//! Path parameters: `~/` and relative paths made absolute, without looking at any disk.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

/// What paths in parameters are relative to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathBase {
    /// The absolute folder that relative paths start from.
    pub cwd: Utf8PathBuf,
    /// What `~` stands for.
    pub home: Option<Utf8PathBuf>,
}

impl PathBase {
    /// A path as the user wrote it, absolute and without `.` and `..`.
    ///
    /// # Errors
    /// Why it can't be made so, as a lower-case fragment.
    pub(crate) fn absolute(&self, text: &str) -> Result<Utf8PathBuf, &'static str> {
        let joined = match text.strip_prefix('~') {
            _ if text.is_empty() => return Err("the path is empty"),
            None => self.cwd.join(text),
            Some(rest) if rest.is_empty() || rest.starts_with('/') => match &self.home {
                Some(home) => home.join(rest.trim_start_matches('/')),
                None => return Err("there is no home folder that `~` could stand for"),
            },
            Some(_) => return Err("of paths with `~` only `~/…` is understood"),
        };
        Ok(normal(&joined))
    }
}

fn normal(path: &Utf8Path) -> Utf8PathBuf {
    let mut normal = Utf8PathBuf::new();
    for component in path.components() {
        match component {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute() {
        let base = PathBase {
            cwd: "/work/here".into(),
            home: Some("/home/me".into()),
        };
        for (given, wanted) in [
            ("x", "/work/here/x"),
            ("./x/../y", "/work/here/y"),
            ("../../../x", "/x"),
            ("~/kafka", "/home/me/kafka"),
            ("~", "/home/me"),
            ("/a//b/", "/a/b"),
        ] {
            assert_eq!(base.absolute(given).unwrap(), wanted, "{given}");
        }
        assert!(base.absolute("").is_err());
        assert!(base.absolute("~you/x").is_err());
        let homeless = PathBase { home: None, ..base };
        assert!(homeless.absolute("~/x").is_err());
    }
}
