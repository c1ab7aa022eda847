//! Commands that whoever granted them knows to read only.

use std::time::Duration;

use krun_model::Fault;

use super::Desk;
use crate::{Grant, bindings::krun::plugin::commands, grant::Words};

impl Desk<'_> {
    pub(crate) async fn command(
        &self,
        argv: Vec<String>,
        limit: u32,
    ) -> Result<commands::Output, Fault> {
        let words = Words::of(&argv);
        self.permit(&Grant::Command(words.clone()))?;
        let limit = Duration::from_millis(limit.into()).min(self.limits.question);
        let output = self
            .in_time("a command", &words.to_string(), self.look.ask(&argv, limit))
            .await?;
        Ok(commands::Output {
            code: output.code,
            stdout: output.stdout,
            stderr: output.stderr,
        })
    }
}
